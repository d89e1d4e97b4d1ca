import type { FleetView, ViewFleet } from '../../celery/fleet/fleetView.js';
import type { ListDepth, ReadDepths } from '../../celery/queues/depths.js';
import { brokerUnavailable } from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import { FLEET_VIEW_AGE_MS } from './listTasks.js';
import type { Operation } from '../operation.js';

/** Counts what waits in the queues, and who consumes them; or throws brokerUnavailable. */
export function createListQueues(dependencies: {
  viewFleet: ViewFleet;
  readDepths: ReadDepths;
  /** Queues that tasks are sent to. */
  queues: () => readonly string[];
}): Operation<'listQueues'> {
  const { viewFleet, readDepths, queues } = dependencies;

  return async () => {
    const view = await viewFleet(FLEET_VIEW_AGE_MS);
    const fleet = 'reason' in view ? undefined : view.value;
    const names = knownQueues(queues(), fleet);
    const read = await readDepths(names);
    if ('reason' in read) {
      throw brokerUnavailable('The queues could not be read', read);
    }
    return {
      status: 200,
      mediaType: 'application/json',
      body: {
        queues: names.map((name) => ({
          name,
          ...depthsOf(name, read.value),
          consumers: consumersOf(name, fleet) ?? null,
        })),
        timestamp: timestamp(),
      },
    };
  };
}

/** The depths of one queue, or throws brokerUnavailable where one of its lists can't be counted. */
function depthsOf(name: string, lists: readonly ListDepth[]) {
  const byPriority: Record<string, number> = {};
  let all = 0;
  for (const { queue, priority, depth } of lists) {
    if (queue !== name) {
      continue;
    }
    if (typeof depth !== 'number') {
      throw brokerUnavailable('The queues could not be read', depth);
    }
    byPriority[priority] = depth;
    all += depth;
  }
  return { depth: all, depth_by_priority: byPriority };
}

/** These queues and those that live workers consume, sorted. */
export function knownQueues(queues: readonly string[], fleet: FleetView | undefined): string[] {
  const consumed = fleet?.workers.flatMap((worker) => worker.queues) ?? [];
  return [...new Set([...queues, ...consumed])].sort();
}

/** How many workers consume a queue; undefined where those that listen have not answered. */
export function consumersOf(queue: string, fleet: FleetView | undefined): number | undefined {
  if (fleet === undefined || (fleet.listeners > 0 && fleet.workers.length === 0)) {
    return undefined;
  }
  return fleet.workers.filter(({ queues }) => queues.includes(queue)).length;
}
