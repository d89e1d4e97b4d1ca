import { element } from './elements.js';
import { at, isObject, listOf, parseJson, type JsonObject } from './json.js';
import { exampleOf, rangeOf, typesOf } from './schema.js';

/** What a value of a schema is entered with. */
export interface Control {
  input: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
  /** How to enter it; may be empty. */
  hint: string;
  /** What is entered, as JSON text; undefined where that is nothing. Throws BadEntry. */
  read: () => string | undefined;
}

/** What is entered can't be sent; the message says why. */
export class BadEntry extends Error {
  override readonly name = 'BadEntry';
}

/** The control that suits a schema best; for what no other can hold, one for JSON. */
export function controlOf(schema: JsonObject, isRequired: boolean): Control {
  const types = typesOf(schema);
  const [type] = types;
  if (Array.isArray(schema.enum)) {
    return choiceOf(listOf(schema.enum), schema.default);
  }
  if (types.length === 2 && types.includes('string') && types.includes('number')) {
    return numberOrText(schema);
  }
  if (types.length !== 1) {
    return jsonControl(undefined, schema);
  }
  switch (type) {
    case 'boolean':
      return typeof schema.default === 'boolean' || isRequired
        ? checkbox(schema.default === true)
        : choiceOf([true, false], undefined);
    case 'string':
      return textControl(schema);
    case 'integer':
    case 'number':
      return numberControl(schema, type);
    case 'array':
      return listControl(schema);
    default:
      return jsonControl(type === 'object' ? 'object' : undefined, schema);
  }
}

/** What a control for JSON takes, where it does not take anything. */
export type JsonType = 'object' | 'array';

const JSON_TYPES: Readonly<
  Record<
    JsonType,
    { empty: string; name: string; example: string; isOf: (value: unknown) => boolean }
  >
> = {
  object: { empty: '{}', name: 'JSON object', example: '{"a": 1}', isOf: isObject },
  array: { empty: '[]', name: 'JSON list', example: '[1, "a"]', isOf: Array.isArray },
};

/** @param typeName what the JSON must be; undefined for anything */
export function jsonControl(typeName: JsonType | undefined, schema: JsonObject = {}): Control {
  const type = typeName === undefined ? undefined : JSON_TYPES[typeName];
  const input = element('textarea', { rows: '4', spellcheck: 'false', class: 'code' });
  input.placeholder = exampleOf(schema) ?? type?.empty ?? '';
  return {
    input,
    hint: type === undefined ? 'JSON' : `A ${type.name}`,
    read() {
      const text = input.value.trim();
      if (text === '') {
        return undefined;
      }
      const value = parseJson(text);
      if (value === undefined) {
        throw new BadEntry(`is not JSON: ${jsonFault(text)}`);
      }
      if (type?.isOf(value) === false) {
        throw new BadEntry(`must be a ${type.name}, such as ${type.example}`);
      }
      // The text itself, as a number in it may have more digits than JavaScript's have.
      return text;
    },
  };
}

function jsonFault(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function choiceOf(values: readonly unknown[], fallback: unknown): Control {
  const texts = values.map((value) => JSON.stringify(value));
  const input = element('select');
  const none = fallback === undefined ? 'Not sent' : `Not sent (${JSON.stringify(fallback)})`;
  input.append(new Option(none, ''));
  texts.forEach((text, index) => {
    const value = values[index];
    input.append(new Option(typeof value === 'string' ? value : text, String(index)));
  });
  return {
    input,
    hint: '',
    read: () => (input.value === '' ? undefined : texts[Number(input.value)]),
  };
}

function checkbox(isChecked: boolean): Control {
  const input = element('input', { type: 'checkbox' });
  input.checked = isChecked;
  return { input, hint: '', read: () => String(input.checked) };
}

function textControl(schema: JsonObject): Control {
  const isSecret = schema['x-sensitive'] === true;
  const input = element('input', { type: isSecret ? 'password' : 'text', autocomplete: 'off' });
  input.placeholder = exampleOf(schema) ?? '';
  return {
    input,
    hint: '',
    read: () => (input.value === '' ? undefined : JSON.stringify(input.value)),
  };
}

/** As JSON writes numbers (RFC 8259, section 6). */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const INTEGER = /^-?(0|[1-9]\d*)$/;

function numberControl(schema: JsonObject, type: 'integer' | 'number'): Control {
  // Not of type=number, which gives nothing at all where something is entered that is none.
  const input = element('input', {
    type: 'text',
    inputmode: type === 'integer' ? 'numeric' : 'decimal',
    autocomplete: 'off',
  });
  input.placeholder = exampleOf(schema) ?? '';
  return {
    input,
    hint: [type === 'integer' ? 'A whole number' : 'A number', rangeOf(schema)]
      .filter((text) => text !== '')
      .join(' '),
    read() {
      const text = input.value.trim();
      return text === '' ? undefined : numberText(text, type);
    },
  };
}

/** What can be read as a number is one. */
function numberOrText(schema: JsonObject): Control {
  const text = textControl(schema);
  return {
    input: text.input,
    hint: 'A number or a text',
    read() {
      const entered = text.input.value.trim();
      return NUMBER.test(entered) ? entered : text.read();
    },
  };
}

function numberText(text: string, type: 'integer' | 'number'): string {
  if (!(type === 'integer' ? INTEGER : NUMBER).test(text)) {
    throw new BadEntry(type === 'integer' ? 'must be a whole number' : 'must be a number');
  }
  return text;
}

/** One item a line. Items that may be texts are sent as texts. */
function listControl(schema: JsonObject): Control {
  const types = typesOf({ type: at(schema, 'items', 'type') });
  const type = types.includes('string') ? 'string' : types[0];
  if (type !== 'string' && type !== 'integer' && type !== 'number') {
    return jsonControl(undefined, schema);
  }
  const [example] = listOf(schema.examples);
  const input = element('textarea', { rows: '3', spellcheck: 'false' });
  input.placeholder = listOf(example).map(String).join('\n');
  const things = { string: 'text', integer: 'whole number', number: 'number' }[type];
  return {
    input,
    hint: `One ${things} a line`,
    read() {
      const lines = input.value.split('\n').map((line) => line.trim());
      const items = lines.filter((line) => line !== '');
      if (items.length === 0) {
        return undefined;
      }
      const texts = items.map((item) =>
        type === 'string' ? JSON.stringify(item) : numberText(item, type),
      );
      return `[${texts.join(',')}]`;
    },
  };
}
