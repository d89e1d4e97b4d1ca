import type { Facts, Finding, StoreFacts, StoreSettings } from './facts.js';

/** What is wrong with the two servers, or between them and this service. */
export function redisFindings({ service, broker, backend }: Facts): Finding[] {
  const isOne = serverOf(service.broker) === serverOf(service.backend);
  const brokerServer = isOne ? 'Redis' : 'The message broker';
  const found = [
    ...reachFindings(brokerServer, service.broker, broker),
    ...evictionFindings(brokerServer, broker),
    ...persistenceFindings(brokerServer, broker),
  ];
  return isOne
    ? [
        ...found,
        // The same server may refuse the one's password or database.
        ...('value' in broker.server
          ? reachFindings('The result backend', service.backend, backend)
          : []),
        ...rightsFindings(brokerServer, joined(broker, backend)),
      ]
    : [
        ...found,
        ...rightsFindings(brokerServer, broker),
        ...reachFindings('The result backend', service.backend, backend),
        ...evictionFindings('The result backend', backend),
        ...rightsFindings('The result backend', backend),
      ];
}

/** The server of a label, without its database. */
function serverOf({ label }: Pick<StoreSettings, 'label'>): string {
  return label.replace(/\/\d*$/, '');
}

function joined(broker: StoreFacts, backend: StoreFacts): StoreFacts {
  return { ...broker, refused: [...new Set([...broker.refused, ...backend.refused])] };
}

function reachFindings(what: string, { label }: StoreSettings, { server }: StoreFacts): Finding[] {
  return 'reason' in server
    ? [
        {
          check: 'redis_unreachable',
          message: `${what} at ${label} gives no answer: ${server.reason}.`,
          mend: 'Start it, or correct REDIS_URL (or CELERY_BROKER_URL and CELERY_RESULT_BACKEND).',
        },
      ]
    : [];
}

function evictionFindings(what: string, { server }: StoreFacts): Finding[] {
  const policy = 'value' in server ? server.value.evictionPolicy : undefined;
  return policy === undefined || policy === 'noeviction'
    ? []
    : [
        {
          check: 'eviction',
          message: `${what} may throw away messages or results when its memory is full: its maxmemory-policy is ${policy}.`,
          mend: "Set Redis's maxmemory-policy to noeviction.",
        },
      ];
}

function persistenceFindings(what: string, { server }: StoreFacts): Finding[] {
  return 'value' in server && server.value.isPersistent === false
    ? [
        {
          check: 'persistence',
          message: `${what} keeps its data in memory alone: a restart loses every task that waits.`,
          mend: "Set Redis's appendonly to yes, or save as redis.conf explains.",
        },
      ]
    : [];
}

function rightsFindings(what: string, { refused }: StoreFacts): Finding[] {
  return refused.map((reason) => ({
    check: 'rights',
    message: `${what} refuses what this service needs: ${reason}.`,
    mend: 'Give its user the right (ACL SETUSER): docs/operations.md names all of them.',
  }));
}
