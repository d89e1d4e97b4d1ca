import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { tableBelow } from '../support/documents/markdown.js';
import { REPOSITORY } from '../support/fleet.js';
import { samplesIn } from '../support/metrics.js';
import { startTestService } from '../support/service.js';

const SOURCE = `${REPOSITORY}src/`;
const PAGE = readFileSync(`${REPOSITORY}docs/operations.md`, 'utf8');

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { runbook_url: string };
}

const { groups } = parse(readFileSync(`${REPOSITORY}monitoring/prometheus/alerts.yml`, 'utf8')) as {
  groups: { rules: Rule[] }[];
};

/** Where a line is logged at a level that asks for attention, and where its level is worked out. */
const ALARMING =
  /\blog\.(?<level>warning|error|critical)\(|\blog\[(?<chosen>\w+)\(.*?\)\]\(|\breport\((?=\s*')/g;

/** The lines that the sources log so, as `LEVEL message`, and how many calls are not understood. */
function loggedIn(text: string): { lines: string[]; unread: number } {
  const lines: string[] = [];
  let unread = 0;
  for (const call of text.matchAll(ALARMING)) {
    const [, message] =
      /^\s*'((?:[^'\\]|\\.)*)'/.exec(text.slice(call.index + call[0].length)) ?? [];
    if (message === undefined) {
      unread += 1;
    } else {
      const { level, chosen } = call.groups ?? {};
      const levels = level ? [level] : chosen ? ['error', 'warning'] : ['critical or warning'];
      lines.push(...levels.map((one) => `${one.toUpperCase()} ${message}`));
    }
  }
  return { lines, unread };
}

/** In any order and case, as tables write it. */
function sorted(texts: Iterable<string>): string[] {
  return [...new Set([...texts].map((text) => text.toUpperCase()))].sort();
}

describe('docs/operations.md', () => {
  it('has every alert, with its severity and the metrics that it looks at', () => {
    const rules = groups.flatMap(({ rules }) => rules);
    assert.deepEqual(
      tableBelow(PAGE, '### Alerts').map(([alert, severity, metrics = '']) => [
        alert,
        severity,
        metrics.split(', '),
      ]),
      rules.map(({ alert, expr, labels }) => [
        alert,
        labels.severity,
        [...new Set(expr.match(/\b(?:orchestrator_|nodejs_)\w+|\bup\b/g))],
      ]),
    );
  });

  it('is where every alert sends its reader', () => {
    const anchors = [...PAGE.matchAll(/^#+ (.+)$/gm)].map(
      ([, title = '']) => `docs/operations.md#${title.toLowerCase().replaceAll(' ', '-')}`,
    );
    for (const { alert, annotations } of groups.flatMap(({ rules }) => rules)) {
      assert.ok(anchors.includes(annotations.runbook_url), `${alert}: ${annotations.runbook_url}`);
    }
  });

  it('names only metrics that there are', async () => {
    const service = await startTestService({});
    const { text } = await service.get('/metrics').expect(200);
    await service.close();
    const there = new Set(samplesIn(text).map(({ name }) => name));
    // Of an assignment there is a series once somebody has assigned.
    const types = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name);
    const named = PAGE.match(/\b(?:orchestrator|nodejs|process)_[a-z_0-9]+/g) ?? [];
    assert.ok(named.length >= 5);
    assert.deepEqual(
      named.filter((name) => !there.has(name) && !types.includes(name)),
      [],
    );
  });

  it('has every line that the service logs as a warning or worse, by its exact words', () => {
    const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(`${SOURCE}${file}`, 'utf8'));
    const found = sources.map(loggedIn);
    assert.equal(
      found.filter(({ unread }) => unread > 0).length,
      0,
      'a message that is no literal',
    );
    assert.deepEqual(
      sorted(tableBelow(PAGE, '### Log lines').map(([message, level]) => `${level} ${message}`)),
      sorted(found.flatMap(({ lines }) => lines)),
    );
  });

  it('reads the calls of a log, and tells of one that it does not understand', () => {
    assert.deepEqual(
      loggedIn(
        "log.warning('A', {});\nlog.info('B');\nlog[levelOf(1)]('c', fields);\nreport(\n 'D')",
      ),
      { lines: ['WARNING A', 'ERROR c', 'WARNING c', 'CRITICAL OR WARNING D'], unread: 0 },
    );
    assert.equal(loggedIn('log.error(message)').unread, 1);
  });

  it('asks in its runbook for paths of the API', () => {
    const { paths } = parse(readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8')) as {
      paths: Record<string, unknown>;
    };
    const asked = [...PAGE.matchAll(/\$URL(\/[^\s`']*)/g)].map(([, path = '']) =>
      path.replace('$TASK_ID', '{task_id}'),
    );
    assert.ok(asked.length >= 5);
    assert.deepEqual(
      asked.filter((path) => !(path in paths)),
      [],
    );
  });
});
