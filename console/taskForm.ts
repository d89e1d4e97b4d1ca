import type { Assign, Fault } from './assignment.js';
import type { Contract } from './contract.js';
import { find, setText } from './elements.js';
import { fieldsOf, jsonField, readMembers, readObject, type Entry, type Field } from './fields.js';
import type { JsonObject } from './json.js';
import type { TaskTypeChoice } from './taskTypes.js';

/**
 * The form that assigns a task: fields by the schema of its type's params, or else JSON for params or for positional
 * and keyword arguments; and the options of an assignment.
 */
export function createTaskForm(
  contract: Contract,
  taskTypes: TaskTypeChoice,
  assign: Assign,
  assigned: (task: { id: string; type: string; assignedAt: number }) => void,
): void {
  const form = find('task-form', HTMLFormElement);
  const submit = find('submit', HTMLButtonElement);
  const outcome = find('outcome', HTMLElement);
  const params = createParams(contract);
  const options = fieldsOf(contract.options ?? {}, '/options', contract.resolve);
  const optionsDetails = find('options', HTMLDetailsElement);
  optionsDetails.hidden = options.length === 0;
  optionsDetails.append(...options.map((field) => field.element));

  const showOutcome = (text: string, isFault: boolean): void => {
    setText(outcome, text);
    outcome.classList.toggle('fault', isFault);
  };
  /** Each at its field, the rest below the button. */
  const showFaults = (message: string, faults: readonly Fault[]): void => {
    const entries = [taskTypes.entry, ...params.fields(), ...options];
    const elsewhere = faults.filter(({ pointer, message: text }) => {
      const field = entryAt(entries, pointer);
      const rest = field === undefined ? '' : pointer.slice(field.pointer.length);
      field?.showFault(rest === '' ? text : `${rest.slice(1)}: ${text}`);
      return field === undefined;
    });
    const told = elsewhere.map(({ pointer, message: text }) => `${pointer || 'The body'} ${text}`);
    showOutcome(faults.length === 0 ? message : ['Not assigned.', ...told].join(' '), true);
    entries.find((entry) => entry.isFaulty())?.focus();
  };
  const send = async (): Promise<void> => {
    const type = taskTypes.entry.read();
    const paramsTexts = params.read();
    const optionsText = readObject(options);
    if (type === undefined || [...params.fields(), ...options].some((field) => field.isFaulty())) {
      showFaults('Not assigned: see the fields above.', []);
      return;
    }
    const body = [
      `"task_type":${type}`,
      ...paramsTexts,
      ...(optionsText === undefined ? [] : [`"options":${optionsText}`]),
    ];
    showOutcome('Assigning…', false);
    const result = await assign(`{${body.join(',')}}`);
    if (result.isAssigned) {
      const name = JSON.parse(type) as string;
      showOutcome(`Assigned ${name} as ${result.taskId}`, false);
      assigned({ id: result.taskId, type: name, assignedAt: result.assignedAt });
    } else {
      showFaults(result.message, result.faults);
    }
  };

  taskTypes.onChoice((type) => {
    params.show(type);
    showOutcome('', false);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (submit.getAttribute('aria-disabled') === 'true') {
      return;
    }
    // Not `disabled`, which would take the focus from it.
    submit.setAttribute('aria-disabled', 'true');
    send()
      .catch((error: unknown) => {
        showOutcome(`Not assigned: ${String(error)}`, true);
      })
      .finally(() => {
        submit.setAttribute('aria-disabled', 'false');
      });
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

interface Params {
  show: (type: string) => void;
  fields: () => readonly Field[];
  /** The members of the request that have them, as JSON texts. */
  read: () => readonly string[];
}

/** The fields of the chosen type's params, and the switch between them and JSON, or else params and arguments. */
function createParams(contract: Contract): Params {
  const container = find('params', HTMLElement);
  const asJson = find('as-json', HTMLInputElement);
  const asJsonLine = find('as-json-line', HTMLElement);
  const asArguments = find('as-arguments', HTMLInputElement);
  const asArgumentsLine = find('as-arguments-line', HTMLElement);
  let shown: JsonObject | undefined;
  let ofSchema: Field[] = [];
  let whole = jsonField('params', '/params');
  const signature = [
    jsonField('args', '/args', { type: 'array' }),
    jsonField('kwargs', '/kwargs', { type: 'object' }),
  ];
  const isSignature = (): boolean => ofSchema.length === 0 && asArguments.checked;
  const fields = (): readonly Field[] =>
    isSignature() ? signature : asJson.checked ? [whole] : ofSchema;
  const draw = (): void => {
    container.replaceChildren(...fields().map((field) => field.element));
  };
  asJson.addEventListener('change', () => {
    if (asJson.checked) {
      whole = jsonField('params', '/params', { text: readObject(ofSchema) ?? '' });
    }
    draw();
  });
  asArguments.addEventListener('change', draw);
  return {
    show(type) {
      const schema = contract.taskTypes.get(type)?.params;
      if (schema === shown && container.hasChildNodes()) {
        return;
      }
      shown = schema;
      ofSchema = fieldsOf(schema ?? {}, '/params', contract.resolve);
      asJson.checked = ofSchema.length === 0;
      asJsonLine.hidden = ofSchema.length === 0;
      asArgumentsLine.hidden = ofSchema.length > 0;
      draw();
    },
    fields,
    read: () =>
      isSignature()
        ? readMembers(signature)
        : [`"params":${(asJson.checked ? whole.read() : readObject(ofSchema)) ?? '{}'}`],
  };
}

/** The one whose value holds what is at the pointer. */
function entryAt(entries: readonly Entry[], pointer: string): Entry | undefined {
  return entries.find(
    (entry) => pointer === entry.pointer || pointer.startsWith(`${entry.pointer}/`),
  );
}
