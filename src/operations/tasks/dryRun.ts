import type { PreviewTasks, TaskPreview } from '../../celery/producing/producer.js';
import type { Task } from '../../celery/wire/message.js';
import type { components } from '../../contract/openapi.js';
import { JsonText } from '../../json/jsonText.js';
import { scanJson, type JsonScan } from '../../json/scanJson.js';
import type { RequestTrace } from '../../tracing/tracing.js';
import type { AssignTaskRequest } from './assignment.js';

type DryRunResponse = components['schemas']['DryRunResponse'];

/**
 * What would be sent of these tasks, one answer for each; or what no worker could read of them.
 *
 * @param body of the request, in the order of the tasks
 * @param trace of the request. A sending of it that never ends is never reported.
 */
export async function dryRun(
  body: readonly AssignTaskRequest[],
  tasks: readonly Task[],
  { previewTasks, trace }: { previewTasks: PreviewTasks; trace: RequestTrace | undefined },
  timestamp: string,
): Promise<{ answers: DryRunResponse[] } | Extract<Previewed, { faults: unknown }>> {
  const traced = tasks.map((task) => {
    const headers = trace?.startSending(task).headers;
    return headers === undefined ? task : { ...task, traceHeaders: headers };
  });
  const outcome = await previewTasks(traced);
  if ('faults' in outcome) {
    return outcome;
  }
  return {
    answers: outcome.previews.map((preview, index) => ({
      task_id: preview.task.id,
      status: 'dry_run',
      message: `Task '${body[index]?.task_type ?? ''}' would be assigned; nothing was sent`,
      timestamp,
      ...shown(preview),
    })),
  };
}

type Previewed = Awaited<ReturnType<PreviewTasks>>;

type Shown = Omit<DryRunResponse, 'task_id' | 'status' | 'message' | 'timestamp'>;

function shown({ task, list, envelope, body, event }: TaskPreview): Shown {
  const { member } = scanJson(envelope);
  return {
    queue: task.queue,
    key: list,
    envelope,
    ...({
      headers: partOf(member, 'headers'),
      properties: partOf(member, 'properties'),
      body: new JsonText(body),
    } as unknown as Pick<DryRunResponse, 'headers' | 'properties' | 'body'>),
    ...(event !== undefined && { event }),
  };
}

/** Its very text, as parsing it would change numbers and the order of keys. */
function partOf(member: JsonScan['member'], name: string): JsonText {
  const text = member(name);
  if (text === undefined) {
    throw new Error(`A message has no ${name}`);
  }
  return new JsonText(text);
}
