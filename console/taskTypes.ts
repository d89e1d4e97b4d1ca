import type { Contract } from './contract.js';
import { element, find, plain, setText } from './elements.js';
import type { Entry } from './fields.js';

/** A task as the live workers have it. */
export interface LiveTask {
  /** What a caller sends. */
  type: string;
  workers: readonly string[];
  queues: readonly string[];
}

/** The choice of a task's type: those with a schema, those of live workers, and any other. */
export interface TaskTypeChoice {
  entry: Entry;
  /** Calls with the type whenever another one is chosen, and once at first. */
  onChoice: (chosen: (type: string) => void) => void;
  showLive: (tasks: readonly LiveTask[]) => void;
}

/** The value of the choice of a type that is not listed: no type can be called so. */
const OTHER = ' ';

export function createTaskTypeChoice(contract: Contract): TaskTypeChoice {
  const select = find('task-type', HTMLSelectElement);
  const other = find('other-type', HTMLInputElement);
  const otherField = find('other-type-field', HTMLElement);
  const about = find('task-type-about', HTMLElement);
  const fault = find('task-type-fault', HTMLElement);
  const known = [...contract.taskTypes.keys()];
  let live: readonly LiveTask[] | undefined;
  let choose: (type: string) => void = () => undefined;

  const input = (): HTMLInputElement | HTMLSelectElement =>
    select.value === OTHER ? other : select;
  const type = (): string => input().value.trim();
  const showFault = (message: string): void => {
    setText(fault, message);
    for (const control of [select, other]) {
      control.setAttribute('aria-invalid', String(message !== '' && control === input()));
    }
  };
  const showAbout = (): void => {
    const schema = contract.taskTypes.get(type());
    const words = plain(schema?.params.description);
    setText(about, [words, whereOf(type(), live)].filter((text) => text !== '').join(' '));
  };
  const draw = (): void => {
    const names = (live ?? []).map((task) => task.type).filter((name) => !known.includes(name));
    const chosen = select.value;
    select.replaceChildren(
      ...groupOf('With a form', known),
      ...groupOf('Of the workers', [...new Set(names)]),
      new Option('Another type…', OTHER),
    );
    // One that no worker has any more can still be chosen: it stays what it was.
    if (chosen !== '' && ![...select.options].some(({ value }) => value === chosen)) {
      select.add(new Option(chosen, chosen), 0);
    }
    select.value = chosen === '' ? (select.options[0]?.value ?? OTHER) : chosen;
  };
  const changed = (): void => {
    otherField.hidden = select.value !== OTHER;
    showFault('');
    showAbout();
    choose(type());
  };

  draw();
  select.addEventListener('change', changed);
  // While it is typed, not when it is left: what the focus goes to, or is clicked, must not move or be replaced then.
  other.addEventListener('input', changed);
  return {
    entry: {
      pointer: '/task_type',
      read() {
        showFault(type() === '' ? 'is required' : '');
        return type() === '' ? undefined : JSON.stringify(type());
      },
      showFault,
      isFaulty: () => fault.textContent !== '',
      focus: () => {
        input().focus();
      },
    },
    onChoice(chosen) {
      choose = chosen;
      changed();
    },
    showLive(tasks) {
      const isOther = JSON.stringify(tasks.map(typeOf)) !== JSON.stringify(live?.map(typeOf));
      live = tasks;
      // A list that is open would close.
      if (isOther) {
        draw();
      }
      showAbout();
    },
  };
}

function typeOf(task: LiveTask): string {
  return task.type;
}

function groupOf(label: string, names: readonly string[]): HTMLOptGroupElement[] {
  const options = names.map((name) => new Option(name, name));
  return names.length === 0 ? [] : [element('optgroup', { label }, ...options)];
}

function whereOf(type: string, live: readonly LiveTask[] | undefined): string {
  if (live === undefined || type === '') {
    return '';
  }
  const task = live.find((one) => one.type === type);
  if (task === undefined) {
    return 'No worker that answers has this task.';
  }
  const count = task.workers.length;
  const workers = `${count} ${count === 1 ? 'worker' : 'workers'}`;
  const queues = task.queues.length === 0 ? 'no queue' : task.queues.join(', ');
  return `Known to ${workers}, consuming ${queues}.`;
}
