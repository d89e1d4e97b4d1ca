const TIMESTAMP = '2026-01-31T09:30:01.987Z';

/** A task that has a result, and one that nobody knows. Both as long as a UUID. */
export const HIT_ID = '00000000-0000-4000-8000-000000000000';
export const PENDING_ID = 'ffffffff-0000-4000-8000-000000000000';

/** What a worker of the fleet returns. */
export const TASK_RESULT = {
  task_id: HIT_ID,
  task_type: 'approve_batches',
  status: 'completed',
  processed_batches: 3,
  approved: 3,
  rejected: 0,
  pending: 0,
  approved_batches: ['B-1001', 'B-1002', 'B-1003'],
  rejected_batches: [],
  started_at: '2026-01-31T09:30:00.123456+00:00',
  completed_at: '2026-01-31T09:30:01.987654+00:00',
  execution_time: 1.864198,
};

/** About so many bytes of JSON: records of a few fields each. */
export function recordsOf(bytes: number) {
  const record = {
    id: 100_001,
    name: 'Batch of the night shift',
    amount: 1234.5,
    approved: false,
    tags: ['a', 'b'],
  };
  const count = Math.round(bytes / (JSON.stringify(record).length + 1));
  return {
    records: Array.from({ length: count }, (_, index) => ({ ...record, id: record.id + index })),
  };
}

/** Results by their size: each is read by a case that has its id for a name. */
export const LARGE_RESULTS = [
  { id: 'result-1kb', result: recordsOf(1_000) },
  { id: 'result-10kb', result: recordsOf(10_000) },
  { id: 'result-100kb', result: recordsOf(100_000) },
  { id: 'result-880kb', result: recordsOf(880_000) },
];

/** The service's answers to those who ask for a result, by the id of the task. */
export const RESULT_ANSWERS = new Map(
  [{ id: HIT_ID, result: TASK_RESULT }, ...LARGE_RESULTS].map(({ id, result }) => [
    id,
    JSON.stringify({
      task_id: id,
      status: 'completed',
      result,
      timestamp: TIMESTAMP,
      state: 'SUCCESS',
      date_done: '2026-01-31T09:30:01.987654+00:00',
    }),
  ]),
);

/** Its other answers, for a server that does nothing else than to answer. */
export const ANSWERS = {
  assigned: JSON.stringify({
    task_id: HIT_ID,
    status: 'assigned',
    message: "Task 'approve_batches' successfully assigned",
    timestamp: TIMESTAMP,
  }),
  pending: JSON.stringify({
    task_id: PENDING_ID,
    status: 'pending',
    timestamp: TIMESTAMP,
    state: 'PENDING',
  }),
};
