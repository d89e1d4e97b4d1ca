import { NotOffered, Refused, Unreachable, type Api } from './api.js';
import type { Contract } from './contract.js';
import { announce, element, find } from './elements.js';
import { at, isObject, listOf, parseJson, textOf } from './json.js';
import { createTaskRow, type ListedTask, type TaskRow } from './taskRow.js';
import type { Watcher } from './watcher.js';

/** The tasks that this tab watches, newest first; it keeps them across reloads. */
export interface TaskList {
  /** @param task.assignedAt in milliseconds since 1970; undefined for a task that is only watched */
  add: (task: { id: string; type: string; assignedAt?: number }) => void;
}

const STORED = 'console.tasks';

/** More tasks than these make the page and its requests large; the oldest one goes. */
const MOST_TASKS = 50;

export function createTaskList(contract: Contract, api: Api, watcher: Watcher): TaskList {
  const list = find('tasks', HTMLElement);
  const empty = find('no-tasks', HTMLElement);
  const clear = find('clear-ended', HTMLButtonElement);
  const shown = new Map<string, { task: ListedTask; row: TaskRow; isEnded: boolean }>();

  const changed = (): void => {
    const tasks = [...shown.values()];
    sessionStorage.setItem(STORED, JSON.stringify(tasks.map(({ task }) => task)));
    empty.hidden = tasks.length > 0;
    clear.hidden = !tasks.some(({ isEnded }) => isEnded);
  };
  const remove = (id: string): void => {
    const row = shown.get(id)?.row.element;
    const neighbour = row?.nextElementSibling ?? row?.previousElementSibling;
    const hadFocus = row?.contains(document.activeElement) === true;
    watcher.forget(id);
    row?.remove();
    shown.delete(id);
    changed();
    if (hadFocus) {
      (neighbour?.querySelector('button') ?? find('watch-id', HTMLInputElement)).focus();
    }
  };
  /** Presses of a button tell the row how they went. */
  const act = async (id: string, work: () => Promise<string>): Promise<void> => {
    const row = shown.get(id)?.row;
    try {
      row?.note(await work());
    } catch (error) {
      row?.note(wordsOf(error), true);
    }
  };
  const put = (task: ListedTask): void => {
    const { id } = task;
    const path = { task_id: id };
    const row = createTaskRow(task, {
      remove: () => {
        remove(id);
      },
      stop: api.has('revokeTask')
        ? () =>
            void act(id, async () => {
              const call = { path, body: JSON.stringify({ terminate: true }) };
              return textOf(at((await api.call('revokeTask', call)).body, 'message'));
            })
        : undefined,
      explain: api.has('explainTask')
        ? () =>
            void act(id, async () =>
              textOf(at((await api.call('explainTask', { path })).body, 'reason')),
            )
        : undefined,
    });
    const entry = { task, row, isEnded: false };
    shown.set(id, entry);
    list.prepend(row.element);
    watcher.watch(id, {
      changed(result) {
        row.show(result);
        if (result.isFinal) {
          entry.isEnded = true;
          changed();
        }
      },
      failed: (message) => {
        row.note(message, true);
      },
    });
  };
  const add: TaskList['add'] = ({ assignedAt, ...task }) => {
    // A task can be sent again under its id: what is shown of it may be of the time before.
    if (shown.has(task.id)) {
      remove(task.id);
    }
    put({
      ...task,
      since: assignedAt ?? Date.now(),
      isAssignedHere: assignedAt !== undefined,
    });
    const [oldest] = shown.keys();
    if (shown.size > MOST_TASKS && oldest !== undefined) {
      remove(oldest);
    }
    changed();
  };

  stored(contract).forEach(put);
  changed();
  clear.addEventListener('click', () => {
    const ended = [...shown].filter(([, { isEnded }]) => isEnded);
    ended.forEach(([id]) => {
      remove(id);
    });
    find('watch-id', HTMLInputElement).focus();
    announce(`Removed ${ended.length} from the list`);
  });
  watchById(contract, add);
  return { add };
}

function watchById(contract: Contract, add: TaskList['add']): void {
  const input = find('watch-id', HTMLInputElement);
  const fault = find('watch-fault', HTMLElement);
  find('watch-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const id = input.value.trim();
    const isId = contract.isTaskId(id);
    fault.replaceChildren(...(isId ? [] : [element('span', {}, 'This is no id of a task.')]));
    input.setAttribute('aria-invalid', String(!isId));
    if (isId) {
      input.value = '';
      add({ id, type: '' });
    }
  });
}

/** Oldest first, as they were put. */
function stored(contract: Contract): ListedTask[] {
  return listOf(parseJson(sessionStorage.getItem(STORED) ?? '')).flatMap((one) => {
    const [id, since] = [textOf(at(one, 'id')), at(one, 'since')];
    return isObject(one) && contract.isTaskId(id) && typeof since === 'number'
      ? [{ id, type: textOf(one.type), since, isAssignedHere: one.isAssignedHere === true }]
      : [];
  });
}

function wordsOf(error: unknown): string {
  if (error instanceof NotOffered) {
    return 'This version of the service does not offer that.';
  }
  if (error instanceof Unreachable) {
    return "The service can't be reached; try again.";
  }
  return error instanceof Refused ? error.message : String(error);
}
