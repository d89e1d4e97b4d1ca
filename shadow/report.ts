import type { Difference } from './difference.js';
import { describeMessage } from './messages.js';
import type { Outcome } from './replay.js';

/** The lines of one case. */
export function describeOutcome(outcome: Outcome, showsIntended: boolean): string {
  const { case: one } = outcome;
  const title = `${one.method} ${one.path}${one.name === '' ? '' : `  (${one.name})`}`;
  if ('skipped' in outcome) {
    return `skipped    ${title}\n    ${outcome.skipped}`;
  }
  const { differences, left, pythonStatus, nodeStatus } = outcome;
  const unintended = differences.filter(({ rule }) => rule === undefined);
  const shown = showsIntended ? differences : unintended;
  const lines = shown
    .slice(0, SHOWN_DIFFERENCES)
    .map(({ difference, rule }) => describe(difference, rule?.name));
  if (shown.length > lines.length) {
    lines.push(`    … and ${shown.length - lines.length} more`);
  }
  if (left.length > 0) {
    lines.push(
      `    left there, as the answer does not name it: ${left.map(describeMessage).join(', ')}`,
    );
  }
  const verdict =
    unintended.length > 0 ? 'DIFFERENT' : differences.length > 0 ? 'as meant' : 'the same';
  const statuses =
    pythonStatus === nodeStatus ? String(nodeStatus) : `${pythonStatus} and ${nodeStatus}`;
  const where = unintended.length > 0 ? `, ${one.where}` : '';
  return [`${verdict.padEnd(10)} ${title}: ${statuses}${where}`, ...lines].join('\n');
}

function describe({ place, python, node }: Difference, rule: string | undefined): string {
  const meant = rule === undefined ? '' : `   (meant: ${rule})`;
  return `    ${place}${meant}\n        python  ${shortened(python)}\n        node    ${shortened(node)}`;
}

const SHOWN_CHARACTERS = 160;
const SHOWN_DIFFERENCES = 20;

function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS
    ? text
    : `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length} characters)`;
}

/** What all cases come to, and the exit code: 1 where something differs that is not meant to. */
export function summarize(outcomes: readonly Outcome[]): { text: string; exitCode: number } {
  const compared = outcomes.filter((outcome) => 'differences' in outcome);
  const different = compared.filter(({ differences }) =>
    differences.some(({ rule }) => rule === undefined),
  );
  const same = compared.filter(({ differences }) => differences.length === 0);
  const asMeant = compared.length - same.length - different.length;
  const skipped = outcomes.length - compared.length;
  const counts = new Map<string, number>();
  for (const { differences } of compared) {
    for (const name of new Set(differences.flatMap(({ rule }) => rule?.name ?? []))) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const meant = [...counts].sort().map(([name, count]) => `  ${name}: ${count}`);
  return {
    text: [
      `${outcomes.length} requests: ${same.length} the same, ${asMeant} differ as they are meant to, ` +
        `${different.length} differ otherwise, ${skipped} skipped`,
      ...(meant.length > 0 ? ['Meant, by the names of docs/moving-over.md:', ...meant] : []),
    ].join('\n'),
    exitCode: different.length > 0 ? 1 : 0,
  };
}
