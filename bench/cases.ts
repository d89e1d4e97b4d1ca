import { HIT_ID, LARGE_RESULTS, PENDING_ID, recordsOf, TASK_RESULT } from './answers.js';
import type { RequestText } from './load.js';

export interface Case {
  name: string;
  requests: readonly RequestText[];
  /** Of one round: what a message weighs decides how many of them Redis is to hold. */
  maximumRequests: number;
}

// As a page's script sends them: the answers carry CORS headers.
const HEADERS =
  'Host: 127.0.0.1\r\nAccept: application/json\r\nOrigin: https://frontend.example\r\n';

/** More than any round has time for. */
export const ANY_NUMBER = 1_000_000;

const assignSmall = assignRequest('approve_batches', {
  batch_ids: ['B-1001', 'B-1002', 'B-1003'],
  auto_approve: true,
});
const readHit = resultRequest(HIT_ID, 'completed');
const readPending = resultRequest(PENDING_ID, 'pending');

export const CASES: readonly Case[] = [
  { name: 'assign-small', requests: [assignSmall], maximumRequests: ANY_NUMBER },
  { name: 'assign-1kb', requests: [assignOf(1_000)], maximumRequests: 100_000 },
  { name: 'assign-10kb', requests: [assignOf(10_000)], maximumRequests: 20_000 },
  { name: 'assign-100kb', requests: [assignOf(100_000)], maximumRequests: 3_000 },
  { name: 'assign-880kb', requests: [assignOf(880_000)], maximumRequests: 300 },
  { name: 'result-hit', requests: [readHit], maximumRequests: ANY_NUMBER },
  ...LARGE_RESULTS.map(({ id }) => ({
    name: id,
    requests: [resultRequest(id, 'completed')],
    maximumRequests: ANY_NUMBER,
  })),
  { name: 'result-pending', requests: [readPending], maximumRequests: ANY_NUMBER },
  {
    // Clients that assign a task, ask three times in vain and then get the result.
    name: 'mixed',
    requests: [assignSmall, readPending, readPending, readPending, readHit],
    maximumRequests: ANY_NUMBER,
  },
];

/** The cases that `--against` takes unless others are named. */
export const AGAINST_CASES = CASES.filter(({ name }) =>
  ['assign-small', 'result-hit'].includes(name),
);

/** What a worker stores of a task that has succeeded: key and value. */
export function storedResult(id: string, result: unknown): [key: string, value: string] {
  const value = dumped({
    status: 'SUCCESS',
    result,
    traceback: null,
    children: [],
    date_done: '2026-01-31T09:30:01.987654+00:00',
    task_id: id,
  });
  return [`celery-task-meta-${id}`, value];
}

/** JSON with the spaces of Python's json.dumps. */
function dumped(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(dumped).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, one]) => `"${key}": ${dumped(one)}`);
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value);
}

/** The results that the cases read. */
export const STORED_RESULTS = [
  storedResult(HIT_ID, TASK_RESULT),
  ...LARGE_RESULTS.map(({ id, result }) => storedResult(id, result)),
];

/** A GET of a task's result, which is to have this status. */
export function resultRequest(id: string, status: string): RequestText {
  return {
    text: `GET /result/${id} HTTP/1.1\r\n${HEADERS}\r\n`,
    answerHas: `"status":"${status}"`,
    assigns: false,
  };
}

function assignRequest(taskType: string, params: unknown): RequestText {
  const body = JSON.stringify({ task_type: taskType, params });
  const entity = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return {
    text: `POST /assign-task/ HTTP/1.1\r\n${HEADERS}${entity}\r\n${body}`,
    answerHas: '"status":"assigned"',
    assigns: true,
  };
}

function assignOf(bytes: number): RequestText {
  return assignRequest('import_records', recordsOf(bytes));
}
