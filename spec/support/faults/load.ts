import { Agent } from 'node:http';
import { ask } from './http.js';

/** One request to be sent. `marker` names it in its params, so that its message is known by it. */
export interface Assignment {
  /** Of the service, such as http://127.0.0.1:8000 */
  url: string;
  marker: string;
  headers?: Readonly<Record<string, string>>;
  /** A string that makes the body as long as wanted. */
  filler?: Buffer;
}

/** What came of it. Times are in milliseconds of `performance.now()`. */
export interface Answer {
  assignment: Assignment;
  startedAt: number;
  finishedAt: number;
  /** Without it, the client had `socketError` in its place. */
  status?: number;
  socketError?: string;
  taskId?: string;
  /** `details.queued` of an error. */
  queued?: string;
  message?: string;
  retryAfter?: string;
}

export interface Load {
  /** Those that have come so far, in the order in which they came. */
  answers: readonly Answer[];
  inFlight: () => number;
  /** Sends no more. */
  stop: () => void;
  /** Resolves when all that was sent is answered; never rejects. */
  finished: Promise<void>;
}

const SEND_AT_MOST = 200_000;

/**
 * Keeps `inFlight` assignments under way until `next` gives none or stop() is called; on connections that
 * are kept alive, unless `keepAlive` is false.
 */
export function startLoad(
  inFlight: number,
  next: (index: number) => Assignment | undefined,
  { keepAlive }: { keepAlive: boolean } = { keepAlive: true },
): Load {
  const agent = new Agent({ keepAlive, maxSockets: inFlight });
  const answers: Answer[] = [];
  let index = 0;
  let underWay = 0;
  let stopped = false;
  const sendOneByOne = async (): Promise<void> => {
    while (!stopped && index < SEND_AT_MOST) {
      const assignment = next(index);
      if (assignment === undefined) {
        return;
      }
      index += 1;
      underWay += 1;
      answers.push(await send(assignment, agent));
      underWay -= 1;
    }
  };
  const lanes = Array.from({ length: inFlight }, sendOneByOne);
  return {
    answers,
    inFlight: () => underWay,
    stop: () => {
      stopped = true;
    },
    finished: Promise.all(lanes).then(() => {
      agent.destroy();
    }),
  };
}

/** Sends `count` assignments to the urls in turn, and gives the answers. */
export async function load(
  urls: readonly string[],
  options: { count: number; inFlight: number; filler?: Buffer },
): Promise<readonly Answer[]> {
  const { count, inFlight, filler } = options;
  const next = toEach(urls, count);
  const running = startLoad(inFlight, (index) => {
    const assignment = next(index);
    return assignment && filler ? { ...assignment, filler } : assignment;
  });
  await running.finished;
  return running.answers;
}

/** Assignments to the urls in turn, `count` at most. */
export function toEach(
  urls: readonly string[],
  count = Infinity,
): (index: number) => Assignment | undefined {
  const run = Math.random().toString(36).slice(2);
  return (index) => {
    const url = urls[index % urls.length];
    return url === undefined || index >= count ? undefined : { url, marker: `${run}-${index}` };
  };
}

/** Sends one assignment; never rejects. */
export async function send(assignment: Assignment, agent?: Agent): Promise<Answer> {
  const startedAt = performance.now();
  const outcome = await exchange(assignment, agent).catch((error: unknown) => ({
    socketError: (error as NodeJS.ErrnoException).code ?? String(error),
  }));
  return { assignment, startedAt, finishedAt: performance.now(), ...outcome };
}

type Outcome = Omit<Answer, 'assignment' | 'startedAt' | 'finishedAt'>;

async function exchange(
  { url, marker, headers = {}, filler }: Assignment,
  agent?: Agent,
): Promise<Outcome> {
  const start = `{"task_type":"nobody_runs_this","params":{"marker":${JSON.stringify(marker)}`;
  const reply = await ask({
    method: 'POST',
    url: `${url}/assign-task/`,
    headers,
    body:
      filler === undefined
        ? [Buffer.from(`${start}}}`)]
        : [Buffer.from(`${start},"filler":"`), filler, Buffer.from('"}}')],
    ...(agent && { agent }),
  });
  const retryAfter = reply.headers['retry-after'];
  return {
    status: reply.status,
    ...readBody(reply.text),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

function readBody(text: string): Pick<Outcome, 'taskId' | 'queued' | 'message'> {
  const body = JSON.parse(text) as {
    task_id?: string;
    message: string;
    details?: { queued?: string };
  };
  return {
    message: body.message,
    ...(body.task_id !== undefined && { taskId: body.task_id }),
    ...(body.details?.queued !== undefined && { queued: body.details.queued }),
  };
}
