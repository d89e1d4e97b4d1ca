// What the types refuse before anything is sent: the build fails where one of these is taken.
import type { components } from './generated/orchestrator.js';

type Schemas = components['schemas'];

export const withoutBatches: Schemas['ApproveBatchesRequest'] = {
  task_type: 'approve_batches',
  // @ts-expect-error: batch_ids is missing
  params: {},
};

export const ofAnotherType: Schemas['TestTaskRequest'] = {
  task_type: 'test_task',
  // @ts-expect-error: test_task has no batches
  params: { batch_ids: ['B-1001'] },
};

export const withAnUnknownOption: Schemas['OtherTaskRequest'] = {
  task_type: 'health_check',
  // @ts-expect-error: Celery has it, this service has not
  options: { retry: true },
};
