import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { parse, stringify } from 'yaml';
import { startFlower } from '../../stack/celery.js';
import { findFreePort } from '../../stack/ports.js';
import { startProcess, type RunningProcess } from '../../stack/process.js';
import { pageAt, readPages } from '../support/documents/markdown.js';
import { eventually } from '../support/eventually.js';
import { REPOSITORY, theFleet, WORKERS_FOLDER } from '../support/fleet.js';
import { samplesIn, type Sample } from '../support/metrics.js';
import { findPrometheus } from '../support/prometheus.js';
import { startTestService, type TestService } from '../support/service.js';

const FOLDER = `${REPOSITORY}monitoring/`;
/** Nobody takes from it, so that requests are refused. */
const FULL_QUEUE = 'monitoring_full_queue';

const KEY = 'monitoring-secret-0123456789';

interface Rules {
  groups: { rules: { alert: string; expr: string; annotations: { runbook_url: string } }[] }[];
}

interface Dashboard {
  templating: { list: { type: string; query: string | { query: string } }[] };
  panels: { title: string; targets: { expr: string }[] }[];
}

function readYaml(path: string): unknown {
  return parse(readFileSync(`${FOLDER}${path}`, 'utf8'));
}

const alerts = (readYaml('prometheus/alerts.yml') as Rules).groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(
  readFileSync(`${FOLDER}grafana/dashboards/orchestrator.json`, 'utf8'),
) as Dashboard;

/** What the dashboard asks for, with Grafana's variables filled in. */
const queries = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({
    what: `the panel "${title}"`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
  })),
);

describe('The monitoring', function () {
  this.timeout(120_000);
  let service: TestService;
  let flower: RunningProcess;
  let flowerPort: number;
  before(async () => {
    const { python, redis } = theFleet();
    flowerPort = await findFreePort();
    service = await startTestService({
      API_KEYS: `prometheus=${KEY}`,
      TASK_NAMESPACES: 'worker,full',
      TASK_ROUTES: `worker.*=worker_queue,full.*=${FULL_QUEUE}`,
      QUEUE_MAX_DEPTH: '50',
      TASK_EVENTS: 'on',
    });
    await withRedis((client) => client.lpush(FULL_QUEUE, ...Array<string>(50).fill('x')));
    flower = await startFlower({
      python,
      workersFolder: WORKERS_FOLDER,
      redisUrl: redis.url,
      environment: process.env,
      port: flowerPort,
    });
  });
  after(async () => {
    await flower.stop();
    await service.close();
    await withRedis((client) => client.del(FULL_QUEUE));
  });

  /** What callers do to the service: good requests and bad ones. */
  async function makeTraffic(): Promise<void> {
    const assign = (body: object, status: number) =>
      service.post('/assign-task/').set('x-api-key', KEY).send(body).expect(status);
    await assign({ task_type: 'test_task', params: { duration: 0 } }, 200);
    await assign({ task_type: 1 }, 400);
    await assign({ task_type: 'full.task' }, 503);
    await service.get('/result/a').expect(401);
    await service.get('/health/ready').expect(200);
  }

  async function flowerText(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${flowerPort}/metrics`)).text();
  }

  async function allSamples(): Promise<Sample[]> {
    await makeTraffic();
    const own = await service.get('/metrics').set('x-api-key', KEY).expect(200);
    return [...samplesIn(own.text), ...samplesIn(await flowerText())];
  }

  it('has names that Flower has not, but for those of every process', async () => {
    const ours = await service.get('/metrics').set('x-api-key', KEY).expect(200);
    const theirs = new Set(samplesIn(await flowerText()).map(({ name }) => name));
    const both = new Set(
      samplesIn(ours.text).flatMap(({ name }) => (theirs.has(name) ? name : [])),
    );
    assert.deepEqual(
      [...both].filter((name) => !name.startsWith('process_')),
      [],
    );
  });

  it('asks in its dashboard and its alerts for series that are there', async () => {
    assert.ok(queries.length >= 20);
    const missing = await eventually(
      'all of them',
      async () => {
        const samples = await allSamples();
        const asked = [
          ...queries,
          ...alerts.map(({ alert, expr }) => ({ what: `the alert ${alert}`, expr })),
        ];
        const unknown = asked.flatMap(({ what, expr }) =>
          selectorsIn(expr)
            .filter((selector) => !samples.some((sample) => matches(sample, selector)))
            .map(({ text }) => `${what}: ${text}`),
        );
        // Flower tells of a worker once that has sent it something.
        return unknown.some((line) => line.includes('flower_')) ? undefined : unknown;
      },
      30_000,
    );
    assert.deepEqual(missing, []);
  });

  it('reads no selector where there is none, and finds a series that is not there', () => {
    const found = selectorsIn(
      'sum by (le, a) (rate(x_total{b="c",d=~"5..|e"}[5m])) / (y) > 0.1 or vector(0)',
    );
    assert.deepEqual(
      found.map(({ name, matchers }) => [name, matchers.length]),
      [
        ['x_total', 2],
        ['y', 0],
      ],
    );
    const [first] = found;
    assert.ok(first);
    assert.ok(matches({ name: 'x_total', labels: { b: 'c', d: '503' }, value: 1 }, first));
    assert.ok(!matches({ name: 'x_total', labels: { b: 'c', d: '5030' }, value: 1 }, first));
    assert.ok(!matches({ name: 'x_total', labels: { b: 'c' }, value: 1 }, first));
    assert.ok(!matches({ name: 'x', labels: { b: 'c', d: '503' }, value: 1 }, first));
  });

  it('has a real Prometheus scrape both, and answers every query of the dashboard', async function () {
    const found = await findPrometheus();
    if (typeof found === 'string') {
      process.stdout.write(`    skipped: ${found}\n`);
      this.skip();
    }
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const port = await findFreePort();
    await writeFile(
      join(folder, 'prometheus.yml'),
      stringify(
        configuration({ orchestrator: service.url, flower: `http://127.0.0.1:${flowerPort}` }),
      ),
    );
    const prometheus = await startProcess({
      name: 'Prometheus',
      command: found.prometheus,
      arguments: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      environment: process.env,
      folder,
    });
    const ask = async (query: string): Promise<{ value: [number, string] }[]> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
      const answer = (await (await fetch(url)).json()) as {
        error?: string;
        data?: { result: { value: [number, string] }[] };
      };
      assert.equal(answer.error, undefined, query);
      return answer.data?.result ?? [];
    };
    try {
      await eventually(
        'Prometheus has an answer to every query',
        async () => {
          await makeTraffic();
          const answers = await Promise.all(
            queries.map(async ({ what, expr }) => ((await ask(expr)).length > 0 ? [] : [what])),
          ).catch((error: unknown) => {
            // It does not listen yet.
            if (error instanceof assert.AssertionError) {
              throw error;
            }
            return [['all']];
          });
          return answers.flat().length === 0 ? true : undefined;
        },
        60_000,
      );
      const [up, down] = [await ask('up == 1'), await ask('up == 0')];
      assert.deepEqual([up.length, down.length], [2, 0]);
      for (const { expr } of alerts) {
        await ask(expr);
      }
    } finally {
      await prometheus.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('rings when it should and not otherwise, by promtool’s own tests of rules', async function () {
    const found = await findPrometheus();
    if (typeof found === 'string') {
      process.stdout.write(`    skipped: ${found}\n`);
      this.skip();
    }
    const folder = await mkdtemp(join(tmpdir(), 'alerts-'));
    try {
      await writeFile(join(folder, 'tests.yml'), stringify(ALERT_TESTS));
      await promisify(execFile)(found.promtool, ['test', 'rules', 'tests.yml'], { cwd: folder });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('sends the reader of every alert to a part of docs/operations.md that is there', () => {
    const { path, anchors } = pageAt(readPages(), 'docs/operations.md');
    const parts = [...anchors].map((anchor) => `${path}#${anchor}`);
    for (const { alert, annotations } of alerts) {
      assert.ok(parts.includes(annotations.runbook_url), `${alert}: ${annotations.runbook_url}`);
    }
  });

  it('is in docker-compose.yml as a profile of its own, of pinned images and files that are there', () => {
    const { services } = parse(readFileSync(`${REPOSITORY}docker-compose.yml`, 'utf8')) as {
      services: Record<
        string,
        { image?: string; profiles?: string[]; volumes?: string[]; ports?: string[] }
      >;
    };
    const monitoring = Object.entries(services).filter(([, { profiles }]) =>
      profiles?.includes('monitoring'),
    );
    assert.deepEqual(
      monitoring.map(([name]) => name),
      ['prometheus', 'grafana'],
    );
    for (const [name, { image = '', profiles, volumes = [], ports = [] }] of monitoring) {
      assert.deepEqual(profiles, ['monitoring']);
      assert.match(image, /:v?\d+\.\d+\.\d+$/, name);
      assert.ok(ports.every((port) => port.startsWith('127.0.0.1:')));
      for (const [path = ''] of volumes.map((volume) => volume.split(':'))) {
        assert.ok(!path.startsWith('.') || existsSync(join(REPOSITORY, path)), path);
      }
    }
    const { scrape_configs: scraped } = readYaml('prometheus/prometheus.yml') as Configuration;
    for (const target of scraped.flatMap(({ static_configs: [config] }) => config?.targets ?? [])) {
      assert.ok((target.split(':')[0] ?? '') in services, target);
    }
    assert.deepEqual(readdirSync(`${FOLDER}grafana/dashboards`), ['orchestrator.json']);
  });
});

async function withRedis(use: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(theFleet().redis.url);
  await use(client);
  await client.quit();
}

interface Configuration {
  global: Record<string, string>;
  rule_files: string[];
  scrape_configs: {
    job_name: string;
    static_configs: { targets: string[] }[];
    authorization?: object;
  }[];
}

/** The configuration that comes with the service, with addresses and a key of this spec, and less patience. */
function configuration(urls: Readonly<Record<string, string>>): Configuration {
  const read = readYaml('prometheus/prometheus.yml') as Configuration;
  return {
    ...read,
    global: { ...read.global, scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [`${FOLDER}prometheus/alerts.yml`],
    scrape_configs: read.scrape_configs.map((job) => ({
      ...job,
      static_configs: [{ targets: [new URL(urls[job.job_name] ?? '').host] }],
      ...(job.job_name === 'orchestrator' && { authorization: { credentials: KEY } }),
    })),
  };
}

interface Selector {
  text: string;
  name: string;
  matchers: { label: string; operator: string; value: string }[];
}

/** Labels that Prometheus itself adds. */
const TARGET_LABELS = ['job', 'instance'];

/** The selectors of series in a PromQL expression: names that are no function, keyword or label. */
function selectorsIn(expression: string): Selector[] {
  const text = expression.replace(/\b(by|without|on|ignoring|group_left)\s*\([^)]*\)/g, ' ');
  const pattern = /([a-zA-Z_:][\w:]*)(\{[^}]*\})?(?!\s*\()(?![\w:{])/g;
  return [...text.replace(/\[[^\]]*\]/g, ' ').matchAll(pattern)]
    .filter(([, name = '']) => !['and', 'or', 'unless', 'up'].includes(name))
    .map(([whole, name = '', braces = '']) => ({
      text: whole,
      name,
      matchers: [...braces.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)]
        .map(([, label = '', operator = '', value = '']) => ({ label, operator, value }))
        .filter(({ label }) => !TARGET_LABELS.includes(label)),
    }));
}

/** Status codes are matched by their class, which a spec can't make all of. */
function matches(sample: Sample, { name, matchers }: Selector): boolean {
  return (
    sample.name === name &&
    matchers.every(({ label, operator, value }) => {
      const has = sample.labels[label] ?? '';
      const fits = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(has) : has === value;
      return operator.startsWith('!') ? !fits : fits;
    })
  );
}

const OWN = { job: 'orchestrator', instance: 'a' };

function series(name: string, labels: Readonly<Record<string, string>>, values: string): object {
  const inner = Object.entries({ ...OWN, ...labels }).map(
    ([label, value]) => `${label}="${value}"`,
  );
  return { series: `${name}{${inner.join(',')}}`, values };
}

/** One test of all series, and which alerts they make ring after so many minutes. */
function alertTest(name: string, inputs: readonly object[], ringing: readonly string[]): object {
  return {
    name,
    interval: '1m',
    input_series: inputs,
    promql_expr_test: alerts.map(({ alert }) => ({
      expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
      eval_time: '40m',
      exp_samples: ringing.includes(alert) ? [{ labels: '{}', value: 1 }] : [],
    })),
  };
}

function assignments(outcome: string, values: string): object {
  return series('orchestrator_assignments_total', { task_type: 't', outcome }, values);
}

function requests(status: string, values: string): object {
  return series('orchestrator_http_requests_total', { route: '/r', status }, values);
}

function depth(values: string): object {
  return series('orchestrator_queue_depth', { queue: 'q', priority: '0' }, values);
}

function consumers(values: string): object {
  return series('orchestrator_queue_consumers', { queue: 'q' }, values);
}

function ends(state: string, values: string, instance: string): object {
  return series('orchestrator_task_ends_total', { task_type: 't', state, instance }, values);
}

const ALERT_TESTS = {
  rule_files: [`${FOLDER}prometheus/alerts.yml`],
  evaluation_interval: '1m',
  tests: [
    alertTest(
      'all is well, the queue full of work that is done',
      [
        series('up', {}, '1x60'),
        series('orchestrator_redis_up', { role: 'broker' }, '1x60'),
        assignments('assigned', '0+60x60'),
        assignments('refused', '0x60'),
        requests('200', '0+60x60'),
        depth('10000-100x60'),
        series('nodejs_eventloop_lag_p99_seconds', {}, '0.011x60'),
      ],
      [],
    ),
    alertTest('it is gone', [series('up', {}, '1x20 0x40')], ['OrchestratorDown']),
    alertTest(
      'Redis is gone',
      [
        series('orchestrator_redis_up', { role: 'broker' }, '1x20 0x40'),
        series('orchestrator_redis_up', { role: 'backend' }, '1x60'),
        assignments('assigned', '0+60x20 1200x40'),
        assignments('refused', '0x20 0+60x40'),
        requests('500', '0x20 0+60x40'),
        requests('200', '0+60x20 1200x40'),
      ],
      ['OrchestratorRedisDown', 'OrchestratorAssignmentsFail', 'OrchestratorErrors'],
    ),
    alertTest(
      'nobody takes from the queue, and few assign',
      [depth('0x5 1+1x20 21x40')],
      ['OrchestratorQueueStuck'],
    ),
    alertTest('an empty queue', [depth('0x60'), consumers('0x60')], []),
    alertTest(
      'tasks wait for a worker that is not there',
      [depth('0x5 3x55'), consumers('1x5 0x55')],
      ['OrchestratorQueueWithoutConsumer', 'OrchestratorQueueStuck'],
    ),
    alertTest('tasks wait for one that is there', [depth('3x10 0x50'), consumers('1x60')], []),
    alertTest(
      'one in five tasks fails, as two instances have counted',
      [
        ends('SUCCESS', '0+80x60', 'one'),
        ends('FAILURE', '0+20x60', 'one'),
        ends('SUCCESS', '0+80x60', 'two'),
        ends('FAILURE', '0+20x60', 'two'),
      ],
      ['OrchestratorTasksFail'],
    ),
    alertTest(
      'one in fifty tasks fails',
      [ends('SUCCESS', '0+98x60', 'one'), ends('FAILURE', '0+2x60', 'one')],
      [],
    ),
    alertTest(
      'it is short of CPU',
      [series('nodejs_eventloop_lag_p99_seconds', {}, '0.4x60')],
      ['OrchestratorBusy'],
    ),
  ],
};
