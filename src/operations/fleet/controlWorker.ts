import type { CommandOutcome, WorkerCommands } from '../../celery/fleet/workerCommands.js';
import {
  brokerUnavailable,
  invalidRequest,
  workerNotFound,
  workerRefused,
  workerSilent,
} from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import type { Operations } from '../operation.js';
import { nearestTo } from '../tasks/nearest.js';

type WorkerControl = Pick<
  Operations,
  | 'growPool'
  | 'shrinkPool'
  | 'setAutoscale'
  | 'addConsumer'
  | 'cancelConsumer'
  | 'setRateLimit'
  | 'setTimeLimit'
  | 'enableEvents'
  | 'shutDownWorker'
>;

/** What each of these operations gets, whatever its body is. */
interface ControlInput {
  pathParameters: { name: string };
  annotate: (fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Tells one worker to change or to end. The operations throw workerNotFound, workerRefused, workerSilent and
 * brokerUnavailable; in each case the log's line of the request names worker and verb.
 */
export function createWorkerControl(dependencies: {
  commands: WorkerCommands;
  /** Called when a worker may have changed. */
  onChange: () => void;
}): WorkerControl {
  const { commands, onChange } = dependencies;

  /** @param verb a command of celery/worker/control.py, with - in place of _ */
  const tell = async (
    { pathParameters: { name }, annotate }: ControlInput,
    verb: string,
    values: object = {},
  ) => {
    annotate({ worker: name, verb, ...values });
    const outcome = await commands.tell(name, verb.replaceAll('-', '_'), values);
    // It may have changed in part where it refuses, and wholly where its answer is lost.
    onChange();
    return answer(200, name, messageOf(name, outcome));
  };

  return {
    growPool: (input) => tell(input, 'pool-grow', { n: input.body?.n ?? 1 }),
    async shrinkPool(input) {
      const { name } = input.pathParameters;
      const n = input.body?.n ?? 1;
      const size = await commands.poolSize(name);
      if (size !== undefined && n >= size) {
        // Celery would end all that run no task, and only then say that it can't.
        throw workerRefused(name, `its pool of ${size} would be left with none`);
      }
      return tell(input, 'pool-shrink', { n });
    },
    setAutoscale: (input) => {
      const { min, max } = input.body;
      assertNotMore('min', min, 'max', max);
      return tell(input, 'autoscale', { max, min });
    },
    addConsumer: (input) => tell(input, 'add-consumer', { queue: input.body.queue }),
    cancelConsumer: (input) => tell(input, 'cancel-consumer', { queue: input.body.queue }),
    setRateLimit: (input) => {
      const { task_name, rate_limit } = input.body;
      return tell(input, 'rate-limit', { task_name, rate_limit });
    },
    setTimeLimit: (input) => {
      const { task_name, soft = null, hard = null } = input.body;
      assertNotMore('soft', soft ?? 0, 'hard', hard ?? Infinity);
      return tell(input, 'time-limit', { task_name, soft, hard });
    },
    enableEvents: (input) => tell(input, 'enable-events'),
    async shutDownWorker({ pathParameters: { name }, annotate }) {
      annotate({ worker: name, verb: 'shutdown' });
      const outcome = await commands.shutDown(name);
      onChange();
      messageOf(name, outcome);
      return answer(202, name, 'was told to shut down: it ends when the tasks that run have');
    },
  };
}

function answer<Status extends 200 | 202>(status: Status, hostname: string, message: string) {
  return {
    status,
    mediaType: 'application/json' as const,
    body: { hostname, message, timestamp: timestamp() },
  };
}

/** What the worker says to a command that it has carried out. */
function messageOf(hostname: string, outcome: CommandOutcome): string {
  switch (outcome.kind) {
    case 'done':
      return outcome.message;
    case 'refused':
      throw workerRefused(hostname, outcome.message);
    case 'silent':
      throw workerSilent(hostname, outcome.wasSent);
    case 'unknown':
      throw workerNotFound(hostname, nearestTo(hostname, outcome.hostnames));
    case 'failed':
      throw brokerUnavailable(`${hostname} could not be told, or its answer not be read`, outcome);
  }
}

function assertNotMore(name: string, value: number, other: string, most: number): void {
  if (value > most) {
    throw invalidRequest([
      { in: 'body', pointer: `/${name}`, message: `must not be more than ${other}` },
    ]);
  }
}
