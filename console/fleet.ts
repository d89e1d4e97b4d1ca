import { NotOffered, Refused, type Api } from './api.js';
import { createBackoff, pause, untilVisible } from './backoff.js';
import { clock, element, find, setText } from './elements.js';
import { at, isObject, listOf, textOf, textsOf } from './json.js';
import type { Keyring } from './key.js';
import type { LiveTask } from './taskTypes.js';

/** How often, in milliseconds. */
const REFRESH_MS = 5_000;

/** Shows the queues and the workers, anew every few seconds while the page is visible. */
export function showFleet(
  api: Api,
  keyring: Keyring,
  heardOfTasks: (tasks: readonly LiveTask[]) => void,
): void {
  const queues = createTable('queues', 'No queue is known.');
  const workers = createTable('workers', 'No worker answers.');
  keepFresh(api, keyring, 'listQueues', queues, (body) => {
    queues.show(listOf(at(body, 'queues')).map(queueCells));
  });
  keepFresh(api, keyring, 'listTasks', workers, (body) => {
    workers.show(
      listOf(at(body, 'workers')).map((worker) => [
        textOf(at(worker, 'hostname')),
        textsOf(at(worker, 'queues')).join(', '),
      ]),
    );
    heardOfTasks(
      listOf(at(body, 'tasks'))
        .map((task) => ({
          type: textOf(at(task, 'task_type')),
          workers: textsOf(at(task, 'workers')),
          queues: textsOf(at(task, 'queues')),
        }))
        // One of a namespace that this installation does not allow has none.
        .filter(({ type }) => type !== ''),
    );
  });
}

function keepFresh(
  api: Api,
  keyring: Keyring,
  operationId: string,
  table: Table,
  show: (body: unknown) => void,
): void {
  const backoff = createBackoff();
  const refresh = async (): Promise<void> => {
    for (;;) {
      await untilVisible();
      await keyring.given();
      let wait = REFRESH_MS;
      try {
        const { body } = await api.call(operationId);
        table.say(`As of ${clock(new Date())}.`);
        show(body);
        backoff.reset();
      } catch (error) {
        if (error instanceof NotOffered) {
          table.say('Not available in this version of the service.');
          return;
        }
        table.say(error instanceof Refused ? error.message : 'Out of date.');
        wait = backoff.next(error instanceof Refused ? error.retryAfterMs : 0);
      }
      await pause(wait);
    }
  };
  void refresh();
}

interface Table {
  show: (rows: readonly (readonly string[])[]) => void;
  say: (text: string) => void;
}

function createTable(id: string, none: string): Table {
  const body = find(`${id}-rows`, HTMLElement);
  const table = body.closest('table');
  const empty = find(`${id}-none`, HTMLElement);
  const state = find(`${id}-state`, HTMLElement);
  return {
    show(rows) {
      body.replaceChildren(
        ...rows.map(([first = '', ...others]) =>
          element(
            'tr',
            {},
            element('th', { scope: 'row' }, first),
            ...others.map((text) => element('td', {}, text)),
          ),
        ),
      );
      table?.toggleAttribute('hidden', rows.length === 0);
      setText(empty, rows.length === 0 ? none : '');
    },
    say(text) {
      setText(state, text);
    },
  };
}

function queueCells(queue: unknown): string[] {
  const consumers = at(queue, 'consumers');
  return [
    textOf(at(queue, 'name')),
    String(at(queue, 'depth')),
    byPriority(at(queue, 'depth_by_priority')),
    typeof consumers === 'number' ? String(consumers) : 'unknown',
  ];
}

/** Of several priorities, those where something waits: `0: 3, 9: 1`. */
function byPriority(depths: unknown): string {
  const waiting = isObject(depths)
    ? Object.entries(depths).filter(([, depth]) => typeof depth === 'number' && depth > 0)
    : [];
  return waiting.map(([priority, depth]) => `${priority}: ${String(depth)}`).join(', ') || '–';
}
