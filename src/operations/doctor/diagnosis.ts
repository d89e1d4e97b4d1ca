import type { components } from '../../contract/openapi.js';
import { timestamp } from '../../timestamp.js';
import type { Facts, Finding } from './facts.js';
import { listeningFindings } from './listeningChecks.js';
import { messageFindings } from './messageChecks.js';
import { redisFindings } from './redisChecks.js';
import { resultFindings, type ReadDatabase } from './resultChecks.js';
import { taskFindings } from './taskChecks.js';

export type Diagnosis = components['schemas']['Diagnosis'];

/** Judges what has been found out. */
export function diagnosisOf(facts: Facts, readDatabase: ReadDatabase): Diagnosis {
  const findings: Finding[] = [
    ...redisFindings(facts),
    ...listeningFindings(facts),
    ...resultFindings(facts, readDatabase),
    ...messageFindings(facts),
    ...taskFindings(facts),
  ];
  return {
    healthy: findings.length === 0,
    findings,
    workers: (facts.fleet?.workers ?? []).map(({ hostname, version, pool, queues }) => ({
      hostname,
      celery_version: version ?? null,
      pool: pool ?? null,
      queues: [...queues],
    })),
    timestamp: timestamp(),
  };
}

/** A diagnosis for people, in lines. */
export function diagnosisText({ findings, workers }: Diagnosis): string {
  const lines = findings.flatMap(({ check, message, mend, workers: concerned }, index) => [
    `${index + 1}. ${check}${concerned === undefined ? '' : ` (${concerned.join(', ')})`}`,
    `   ${message}`,
    `   To mend it: ${mend}`,
    '',
  ]);
  const seen = workers.map(
    ({ hostname, celery_version: version, pool }) =>
      `${hostname} (Celery ${version ?? '?'}, ${pool ?? '?'})`,
  );
  const summary =
    findings.length === 0
      ? 'Nothing is wrong.'
      : `${findings.length} ${findings.length === 1 ? 'thing is' : 'things are'} wrong.`;
  return [`Workers: ${seen.join(', ') || 'none'}`, '', ...lines, summary, ''].join('\n');
}
