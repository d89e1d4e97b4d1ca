import type { Contract } from './contract.js';
import { BadEntry, controlOf, jsonControl, type Control, type JsonType } from './controls.js';
import { element, plain, setText } from './elements.js';
import { isObject, textsOf, type JsonObject } from './json.js';

/** Where a value is entered. */
export interface Entry {
  /** Where in the request's body its value goes, as a JSON pointer. */
  pointer: string;
  /** The entered value as JSON text; undefined for none, and for one that is wrong, which it shows then. */
  read: () => string | undefined;
  /** Shows what is wrong with the value; the empty text for nothing. */
  showFault: (message: string) => void;
  isFaulty: () => boolean;
  focus: () => void;
}

/** A labelled control of a form, for one property of an object. */
export interface Field extends Entry {
  name: string;
  element: HTMLElement;
}

/** A field for each property of an object's schema, in the schema's order. */
export function fieldsOf(
  schema: JsonObject,
  pointer: string,
  resolve: Contract['resolve'],
): Field[] {
  const required = textsOf(schema.required);
  const properties = isObject(schema.properties) ? Object.entries(schema.properties) : [];
  return properties.map(([name, property]) => {
    const named = resolve(property);
    const resolved = named.items === undefined ? named : { ...named, items: resolve(named.items) };
    const isRequired = required.includes(name);
    return labelled(
      name,
      `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      controlOf(resolved, isRequired),
      { isRequired, about: plain(resolved.description) },
    );
  });
}

/** One field for a whole object or list, as JSON. */
export function jsonField(
  name: string,
  pointer: string,
  { type = 'object', text = '' }: { type?: JsonType; text?: string } = {},
): Field {
  const control = jsonControl(type);
  control.input.value = text;
  return labelled(name, pointer, control, { isRequired: false, about: '' });
}

/** The texts of an object's fields as the text of the object; undefined where none has a value. */
export function readObject(fields: readonly Field[]): string | undefined {
  const members = readMembers(fields);
  return members.length === 0 ? undefined : `{${members.join(',')}}`;
}

/** The texts of those of an object's members whose fields have a value. */
export function readMembers(fields: readonly Field[]): readonly string[] {
  return fields.flatMap((field) => {
    const text = field.read();
    return text === undefined ? [] : [`${JSON.stringify(field.name)}:${text}`];
  });
}

let made = 0;

function labelled(
  name: string,
  pointer: string,
  { input, hint, read }: Control,
  { isRequired, about }: { isRequired: boolean; about: string },
): Field {
  made += 1;
  const id = `field-${made}`;
  const fault = element('p', { class: 'fault', id: `${id}-fault` });
  const help = [about, hint === '' ? '' : `${hint}.`].filter((text) => text !== '').join(' ');
  input.id = id;
  input.name = pointer;
  input.setAttribute('aria-describedby', `${id}-help ${id}-fault`);
  const label = element('label', { for: id }, name);
  if (isRequired) {
    input.setAttribute('aria-required', 'true');
    label.append(' ', element('span', { class: 'required' }, '(required)'));
  }
  const helpElement = element('p', { class: 'help', id: `${id}-help` }, help);
  const isCheckbox = input.type === 'checkbox';
  const showFault = (message: string): void => {
    setText(fault, message);
    input.setAttribute('aria-invalid', String(message !== ''));
  };
  input.addEventListener('input', () => {
    showFault('');
  });

  return {
    name,
    pointer,
    element: element(
      'div',
      { class: isCheckbox ? 'field checkbox' : 'field' },
      ...(isCheckbox ? [input, label] : [label, input]),
      helpElement,
      fault,
    ),
    read() {
      showFault('');
      try {
        const text = read();
        if (text === undefined && isRequired) {
          throw new BadEntry('is required');
        }
        return text;
      } catch (error) {
        if (!(error instanceof BadEntry)) {
          throw error;
        }
        showFault(error.message);
        return undefined;
      }
    },
    showFault,
    isFaulty: () => input.getAttribute('aria-invalid') === 'true',
    focus() {
      input.closest('details')?.setAttribute('open', '');
      input.focus();
    },
  };
}
