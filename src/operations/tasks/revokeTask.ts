import type { Revocation, RevokeTask } from '../../celery/fleet/revoking.js';
import { brokerUnavailable } from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import type { Operation } from '../operation.js';
import { counted } from './sentences.js';

/** Tells the workers that a task is not to run, and says how many know; or throws brokerUnavailable. */
export function createRevokeTask(dependencies: { revoke: RevokeTask }): Operation<'revokeTask'> {
  return async ({ pathParameters: { task_id }, body, annotate }) => {
    const { terminate = false, signal = 'SIGTERM' } = body ?? {};
    annotate({ task_id, terminate });
    const answer = await dependencies.revoke(task_id, terminate ? signal : undefined);
    if ('reason' in answer) {
      throw brokerUnavailable('The workers could not be told', answer, task_id);
    }
    const { confirmed, unable } = answer.value;
    annotate({ workers: confirmed, ...(unable.length > 0 && { unable }) });
    return {
      status: 200,
      mediaType: 'application/json',
      body: {
        task_id,
        workers: confirmed,
        message: sentence(answer.value, terminate),
        timestamp: timestamp(),
      },
    };
  };
}

function sentence(
  { listeners, confirmed, ending, unable }: Revocation,
  terminate: boolean,
): string {
  if (listeners === 0 && confirmed === 0) {
    return 'No worker was listening, so nothing was revoked; if the task is queued, it will run';
  }
  const parts = [];
  if (confirmed > 0) {
    const rest = terminate ? '' : '; if it runs already, it goes on';
    parts.push(`${counted(confirmed, 'worker')} will not start the task${rest}`);
  }
  if (ending.length > 0) {
    parts.push(`${ending.join(', ')} had it and ${ending.length === 1 ? 'ends' : 'end'} it`);
  }
  if (unable.length > 0) {
    parts.push(`${unable.map(({ worker }) => worker).join(', ')} could not end it`);
  }
  if (listeners > confirmed) {
    const silent = counted(listeners - confirmed, 'worker');
    const has = listeners - confirmed === 1 ? 'has' : 'have';
    parts.push(
      `${silent} that ${has} not answered in time will hear it when free, which may be too late`,
    );
  }
  return parts.join('; ');
}
