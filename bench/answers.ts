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

/** The service's answers, for a server that does nothing else than to answer. */
export const ANSWERS = {
  assigned: JSON.stringify({
    task_id: HIT_ID,
    status: 'assigned',
    message: "Task 'approve_batches' successfully assigned",
    timestamp: TIMESTAMP,
  }),
  completed: JSON.stringify({
    task_id: HIT_ID,
    status: 'completed',
    result: TASK_RESULT,
    timestamp: TIMESTAMP,
    state: 'SUCCESS',
    date_done: '2026-01-31T09:30:01.987654+00:00',
  }),
  pending: JSON.stringify({
    task_id: PENDING_ID,
    status: 'pending',
    timestamp: TIMESTAMP,
    state: 'PENDING',
  }),
};
