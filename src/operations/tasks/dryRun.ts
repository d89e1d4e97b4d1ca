import type { TaskPreview } from '../../celery/producing/client.js';
import type { components } from '../../contract/openapi.js';
import { JsonText } from '../../json/jsonText.js';
import { scanJson, type JsonScan } from '../../json/scanJson.js';
import type { Assignment } from './assignment.js';

export type DryRunResponse = components['schemas']['DryRunResponse'];

/** The answers to a dry run of these tasks, one for each. */
export function dryRun(
  assignments: readonly Assignment[],
  previews: readonly TaskPreview[],
  timestamp: string,
): DryRunResponse[] {
  return previews.map((preview, index) => ({
    task_id: preview.task.id,
    status: 'dry_run',
    message: `Task '${assignments[index]?.taskType ?? ''}' would be assigned; nothing was sent`,
    timestamp,
    ...shown(preview),
  }));
}

type Shown = Omit<DryRunResponse, 'task_id' | 'status' | 'message' | 'timestamp'>;

function shown({ task, list, envelope, body, event }: TaskPreview): Shown {
  const scan = scanJson(Buffer.from(envelope));
  return {
    queue: task.queue,
    key: list,
    envelope,
    ...({
      headers: partOf(scan, 'headers'),
      properties: partOf(scan, 'properties'),
      body: new JsonText(body),
    } as unknown as Pick<DryRunResponse, 'headers' | 'properties' | 'body'>),
    ...(event !== undefined && { event }),
  };
}

/** Its very text, as parsing it would change numbers and the order of keys. */
function partOf(message: JsonScan, name: string): JsonText {
  const bytes = message.member(name);
  if (bytes === undefined) {
    throw new Error(`A message has no ${name}`);
  }
  return JsonText.of(bytes);
}
