import { findingsOfWorkers, listed, type Facts, type Finding } from './facts.js';

/** Whether workers hear this service, and answer it. */
export function listeningFindings(facts: Facts): Finding[] {
  const { fleet, broker, unasked } = facts;
  if (fleet === undefined) {
    // Where the server gives no answer at all, or lacks a right, that is told already.
    return 'reason' in broker.server || broker.refused.length > 0
      ? []
      : [
          {
            check: 'workers_unasked',
            message: `The workers could not be asked, and no task be assigned: ${unasked ?? 'nobody knows why'}.`,
            mend: 'Do to Redis what this says: give it memory or disk, or name its master.',
          },
        ];
  }
  return fleet.listeners === 0
    ? [nobodyListens(facts)]
    : [...silenceFindings(facts), ...clockFindings(facts)];
}

function nobodyListens({ service, elsewhere }: Facts): Finding {
  const { database, keyPrefix } = service.broker;
  const nobody = `No worker listens in database ${database} of the message broker${withPrefix(keyPrefix)}`;
  const [other] = elsewhere?.databases ?? [];
  if (other !== undefined) {
    return {
      check: 'other_database',
      message: `${nobody}, where this service sends tasks; workers, of this or of another fleet, listen in database ${listed(elsewhere?.databases.map(String) ?? [])}.`,
      mend: `Give this service and the workers the same database: REDIS_URL (or CELERY_BROKER_URL) here ends in /${database}, the workers' broker_url in /${other}. Or start the workers, where these are another fleet's.`,
    };
  }
  const [prefix] = elsewhere?.keyPrefixes ?? [];
  if (prefix !== undefined) {
    return {
      check: 'other_key_prefix',
      message: `${nobody}; workers have used ${listed(elsewhere?.keyPrefixes.map(shownPrefix) ?? [])} there.`,
      mend: `Set CELERY_BROKER_GLOBAL_KEYPREFIX to the global_keyprefix of the workers' broker_transport_options: ${prefix === '' ? 'they have none' : prefix}.`,
    };
  }
  return {
    check: 'no_workers',
    message: `${nobody}.`,
    mend: 'Start a worker with this broker; those that run need worker_enable_remote_control, which is on unless it was set to False.',
  };
}

function withPrefix(prefix: string): string {
  return prefix === '' ? '' : ` with the key prefix ${prefix}`;
}

function shownPrefix(prefix: string): string {
  return prefix === '' ? 'no key prefix' : `the key prefix ${prefix}`;
}

function silenceFindings({ fleet }: Facts): Finding[] {
  const { listeners = 0, workers = [] } = fleet ?? {};
  const silent = listeners - workers.length;
  return silent > 0
    ? [
        {
          check: 'silent_workers',
          message: `${silent} of the ${listeners} workers that listen ${silent === 1 ? 'has' : 'have'} told nothing within a second.`,
          mend: 'Look at their logs. They may hang; be busy with a task in the pool solo; refuse JSON, which their accept_content must have; have another sep in broker_transport_options than CELERY_BROKER_SEP; or share a hostname, where each needs a --hostname of its own.',
        },
      ]
    : [];
}

/** Seconds between two clocks that nobody need mind. */
const TOLERANCE_SECONDS = 5;

function clockFindings({ fleet, clocks }: Facts): Finding[] {
  return findingsOfWorkers(fleet?.workers ?? [], ({ hostname }) => {
    const ahead = clocks.get(hostname) ?? 0;
    return Math.abs(ahead) > TOLERANCE_SECONDS
      ? {
          check: 'clock',
          message: `The clock is ${Math.round(Math.abs(ahead))} s ${ahead > 0 ? 'ahead of' : 'behind'} the one of this service: eta and expires are off by as much.`,
          mend: 'Let NTP set the clocks of all hosts.',
        }
      : undefined;
  });
}
