import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startWorker } from '../../stack/celery.js';
import type { RunningProcess } from '../../stack/process.js';
import { preparePython } from '../../stack/python.js';
import { headersOf, readTraceContext } from '../../src/tracing/traceContext.js';
import { eventually } from '../support/eventually.js';
import { ask } from '../support/faults/http.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import {
  startOtlpReceiver,
  type OtlpReceiver,
  type ReceivedSpan,
} from '../support/otlpReceiver.js';
import {
  launchService,
  startServiceProcess,
  type ServiceProcess,
} from '../support/serviceProcess.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf } from '../support/tasks.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const FOLDER = `${REPOSITORY}spec/support/opentelemetry`;
/** Where the traced worker listens, and nobody else. */
const DATABASE = 10;

function redisUrl(): string {
  return theFleet().redis.url.replace(/0$/, String(DATABASE));
}

/** What of these headers of a request goes on. */
function handedOn(headers: Readonly<Record<string, string>>): unknown {
  const context = readTraceContext(headers);
  return context && headersOf(context);
}

describe('W3C Trace Context', () => {
  it('is handed on as it came', () => {
    for (const headers of [
      { traceparent: PARENT },
      { traceparent: PARENT, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' },
      { traceparent: PARENT, tracestate: 'tenant@vendor=a b!~' },
      { traceparent: PARENT, baggage: 'userId=alice,serverNode=DF%2028;ttl=5' },
      { baggage: 'a=b' },
      // A version to come.
      { traceparent: `cc-${TRACE_ID}-00f067aa0ba902b7-01-what-the-future-will-be-like` },
    ]) {
      assert.deepEqual(handedOn(headers), headers);
    }
  });

  for (const [what, traceparent] of [
    ['empty', ''],
    ['a word', 'garbage'],
    ['in capitals', PARENT.toUpperCase()],
    ['of the version ff', `ff${PARENT.slice(2)}`],
    ['without a trace', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['without a parent', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['longer than its version', `${PARENT}-x`],
    ['too short', PARENT.slice(0, -1)],
    ['sent twice', `${PARENT}, ${PARENT}`],
    ['endless', `cc${PARENT.slice(2)}-${'x'.repeat(1_000)}`],
    ['with a line break', `${PARENT}\n`.replace('-01', '-0\n')],
  ] as const) {
    it(`is left out where traceparent is ${what}, with its tracestate`, () => {
      assert.equal(handedOn({ traceparent, tracestate: 'a=b' }), undefined);
      assert.deepEqual(handedOn({ traceparent, baggage: 'a=b' }), { baggage: 'a=b' });
    });
  }

  it('is left out where there is none', () => {
    assert.equal(handedOn({}), undefined);
    assert.equal(handedOn({ tracestate: 'a=b' }), undefined);
  });

  it('has no tracestate that is malformed or has too many members, and no more than 512 characters', () => {
    const member = (index: number): string => `k${index}=${'v'.repeat(20)}`;
    const members = (count: number): string =>
      Array.from({ length: count }, (_, index) => member(index)).join(',');
    for (const tracestate of ['A=b', 'a', 'a=', '=b', 'a=b=c', 'a=é', 'a=b,c', members(33)]) {
      assert.deepEqual(handedOn({ traceparent: PARENT, tracestate }), { traceparent: PARENT });
    }
    assert.deepEqual(handedOn({ traceparent: PARENT, tracestate: 'a=b,,c=d ' }), {
      traceparent: PARENT,
      tracestate: 'a=b,c=d',
    });
    const { tracestate } = handedOn({ traceparent: PARENT, tracestate: members(32) }) as {
      tracestate: string;
    };
    assert.equal(tracestate, members(tracestate.split(',').length));
    assert.ok(tracestate.length <= 512 && tracestate.length > 480, String(tracestate.length));
  });

  it('has no member of baggage that is malformed, and no more than 64 in 8192 characters', () => {
    const sent = 'a=b, c d=e ,=f, g = h ;p=q,é=1,i="j",k=%C3%A9,l=m\\n';
    assert.deepEqual(handedOn({ baggage: sent }), { baggage: 'a=b,g = h ;p=q,k=%C3%A9' });
    assert.equal(handedOn({ baggage: 'nothing' }), undefined);
    const many = Array.from({ length: 100 }, (_, index) => `k${index}=v`);
    assert.deepEqual(handedOn({ baggage: many.join(',') }), {
      baggage: many.slice(0, 64).join(','),
    });
    const large = [`a=${'x'.repeat(5_000)}`, `b=${'x'.repeat(5_000)}`];
    assert.deepEqual(handedOn({ baggage: large.join(',') }), { baggage: large[0] });
    // Nothing that takes time beyond its length.
    const start = performance.now();
    readTraceContext({
      traceparent: PARENT,
      tracestate: `a=${' '.repeat(16_000)}é`,
      baggage: `a=${' '.repeat(16_000)}é`,
    });
    assert.ok(performance.now() - start < 50);
  });
});

describe('A message', () => {
  const QUEUE = 'untraced_queue';
  let service: TestService;
  let client: Redis;
  before(async () => {
    service = await startTestService({ REDIS_URL: redisUrl(), TASK_ROUTES: `worker.*=${QUEUE}` });
    client = new Redis(redisUrl());
  });
  after(async () => {
    await client.del(QUEUE);
    await client.quit();
    await service.close();
  });

  async function headersWith(sent: Readonly<Record<string, string>>): Promise<object> {
    await service.post('/assign-task/').set(sent).send({ task_type: 'a' }).expect(200);
    return (JSON.parse((await client.rpop(QUEUE)) ?? '{}') as { headers: object }).headers;
  }

  it('has the request’s trace as flat headers behind Celery’s own, and no other without one', async () => {
    const plain = Object.keys(await headersWith({}));
    assert.equal(plain.at(-1), 'stamps');
    const trace = { traceparent: PARENT, tracestate: 'a=b', baggage: 'c=d' };
    const traced = await headersWith(trace);
    assert.deepEqual(Object.keys(traced), [...plain, ...Object.keys(trace)]);
    assert.deepEqual({ ...traced, ...trace }, traced);
    assert.deepEqual(
      Object.keys(await headersWith({ traceparent: 'x', tracestate: 'a=b' })),
      plain,
    );
  });

  it('is logged with the trace of its request', async () => {
    service.lines.length = 0;
    await headersWith({ traceparent: PARENT });
    await headersWith({});
    const lines = await eventually('two lines', () =>
      service.lines.length >= 2 ? service.lines : undefined,
    );
    assert.deepEqual(
      lines.map(({ fields }) => fields.trace_id),
      [TRACE_ID, undefined],
    );
  });
});

/** What the task `show_trace` of spec/support/opentelemetry/worker.py gives. */
interface SeenByTask {
  name: string;
  kind: string;
  trace_id: string;
  is_sampled: boolean;
  parent_id: string;
  trace_state: string;
  baggage: Record<string, string>;
}

describe('A worker with opentelemetry-instrumentation-celery', function () {
  this.timeout(300_000);
  const environment = { TASK_ROUTES: 'worker.*=traced_queue' };
  let worker: RunningProcess;
  let service: TestService;
  before(async () => {
    const python = await preparePython({
      folder: FOLDER,
      environment: process.env,
      say: (line) => {
        process.stdout.write(`    OpenTelemetry: ${line}\n`);
      },
    });
    worker = await startWorker({
      python,
      workersFolder: FOLDER,
      redisUrl: redisUrl(),
      environment: process.env,
      concurrency: 1,
    });
    service = await startTestService({ REDIS_URL: redisUrl(), ...environment });
  });
  after(async () => {
    await service.close();
    await worker.stop();
  });

  /** Runs the task and gives what it has seen, with its id. */
  async function runTask(
    url: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<SeenByTask & { taskId: string }> {
    const body = [Buffer.from('{"task_type": "show_trace"}')];
    const reply = await ask({ url: `${url}/assign-task/`, method: 'POST', headers, body });
    assert.equal(reply.status, 200, reply.text);
    const { task_id: taskId } = JSON.parse(reply.text) as { task_id: string };
    const { status, result, error } = await resultOf(service, taskId);
    assert.equal(status, 'completed', error);
    return { ...(result as SeenByTask), taskId };
  }

  it('continues the trace of the request', async () => {
    const seen = await runTask(service.url, {
      traceparent: PARENT,
      tracestate: 'rojo=1',
      baggage: 'tenant=blue',
    });
    assert.deepEqual(
      { ...seen, taskId: '' },
      {
        name: 'run/worker.show_trace',
        kind: 'CONSUMER',
        trace_id: TRACE_ID,
        is_sampled: true,
        parent_id: '00f067aa0ba902b7',
        trace_state: 'rojo=1',
        baggage: { tenant: 'blue' },
        taskId: '',
      },
    );
  });

  it('begins one of its own for a request without', async () => {
    const seen = await runTask(service.url, { traceparent: 'garbage' });
    assert.equal(seen.parent_id, null);
    assert.notEqual(seen.trace_id, TRACE_ID);
  });

  describe('and OTEL_EXPORTER_OTLP_ENDPOINT', () => {
    let collector: OtlpReceiver;
    let traced: ServiceProcess;
    before(async () => {
      collector = await startOtlpReceiver();
      traced = await startTraced(collector, {});
    });
    after(async () => {
      await traced.close();
      await collector.close();
    });

    function startTraced(
      { url }: OtlpReceiver,
      more: Readonly<Record<string, string>>,
    ): Promise<ServiceProcess> {
      return startServiceProcess({
        REDIS_URL: redisUrl(),
        ...environment,
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_BSP_SCHEDULE_DELAY: '50',
        ...more,
      });
    }

    function untilSpan(matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
      return eventually('the span', () => collector.spans().find(matches));
    }

    it('shows the request, what it sends and the task as one trace', async () => {
      const seen = await runTask(traced.url, {
        traceparent: PARENT,
        tracestate: 'rojo=1',
        baggage: 'tenant=blue',
        'user-agent': 'spec',
      });
      const server = await untilSpan(({ name }) => name === 'POST /assign-task/');
      const producer = await untilSpan(({ name }) => name === 'send traced_queue');
      assert.deepEqual([server.traceId, server.parentSpanId], [TRACE_ID, '00f067aa0ba902b7']);
      assert.deepEqual([producer.traceId, producer.parentSpanId], [TRACE_ID, server.spanId]);
      assert.deepEqual([seen.trace_id, seen.parent_id], [TRACE_ID, producer.spanId]);
      assert.deepEqual([server.kind, producer.kind], [2, 4]);
      assert.deepEqual([seen.trace_state, seen.baggage], ['rojo=1', { tenant: 'blue' }]);
      const { port } = new URL(traced.url);
      assert.deepEqual(server.attributes, {
        'http.request.method': 'POST',
        'http.response.status_code': 200,
        'http.route': '/assign-task/',
        'url.path': '/assign-task/',
        'url.scheme': 'http',
        'network.protocol.version': '1.1',
        'server.address': '127.0.0.1',
        'server.port': Number(port),
        'client.address': '127.0.0.1',
        'user_agent.original': 'spec',
      });
      assert.deepEqual(producer.attributes, {
        'messaging.system': 'celery',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'traced_queue',
        'messaging.message.id': seen.taskId,
        'celery.task_name': 'worker.show_trace',
        'orchestrator.outcome': 'assigned',
      });
      assert.equal(server.resource['service.name'], 'orchestrator');
      assert.match(String(server.resource['service.version']), /^\d+\.\d+\.\d+$/);
      const logged = await eventually('the line', () =>
        traced.lines().find(({ task_id: taskId }) => taskId === seen.taskId),
      );
      assert.equal(logged.trace_id, TRACE_ID);
    });

    it('begins a trace for a request without, and has no query and no error of a 4xx in it', async () => {
      const reply = await ask({ url: `${traced.url}/made-up?key=secret` });
      assert.equal(reply.status, 404);
      const span = await untilSpan(({ attributes }) => attributes['url.path'] === '/made-up');
      assert.equal(span.name, 'GET');
      assert.ok(span.parentSpanId === undefined || span.parentSpanId === '');
      assert.deepEqual(span.status.code ?? 0, 0);
      assert.doesNotMatch(JSON.stringify(span), /secret/);
      const line = await eventually('the line', () =>
        traced.lines().find(({ route }) => route === '/made-up'),
      );
      assert.equal(line.trace_id, span.traceId);
    });

    it('marks what failed', async () => {
      const failing = await startTraced(collector, {
        REDIS_URL: 'redis://127.0.0.1:1/0',
        ASSIGN_TIMEOUT_MS: '200',
      });
      try {
        const body = [Buffer.from('{"task_type": "fails"}')];
        const url = `${failing.url}/assign-task/`;
        assert.equal((await ask({ url, method: 'POST', body })).status, 500);
        const producer = await untilSpan(
          ({ attributes }) => attributes['celery.task_name'] === 'worker.fails',
        );
        assert.equal(producer.attributes['error.type'], 'refused');
        assert.equal(producer.status.code, 2);
        const server = await untilSpan(({ spanId }) => spanId === producer.parentSpanId);
        assert.equal(server.attributes['error.type'], 'broker_unavailable');
        assert.deepEqual(server.status.code, 2);
        assert.match(String(server.status.message), /the message broker can't be reached/);
      } finally {
        await failing.close();
      }
    });

    it('honours OpenTelemetry’s own variables', async () => {
      const own = await startTraced(collector, {
        OTEL_SERVICE_NAME: 'front-door',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=spec',
        OTEL_TRACES_SAMPLER: 'always_off',
      });
      const named = await startTraced(collector, { OTEL_SERVICE_NAME: 'front-door' });
      try {
        const seen = await runTask(own.url, { traceparent: PARENT });
        assert.deepEqual([seen.trace_id, seen.is_sampled], [TRACE_ID, false]);
        await ask({ url: `${named.url}/health/live` });
        const span = await untilSpan(({ resource }) => resource['service.name'] === 'front-door');
        assert.equal(span.attributes['http.route'], '/health/live');
      } finally {
        await own.close();
        await named.close();
      }
    });

    it('reads OpenTelemetry’s variables in .env too, in each of several processes', async () => {
      const { url } = collector;
      const launched = await launchService(
        { REDIS_URL: redisUrl(), WEB_CONCURRENCY: '2' },
        {
          environmentFile: `OTEL_EXPORTER_OTLP_ENDPOINT=${url}\nOTEL_SERVICE_NAME=from-file\nOTEL_BSP_SCHEDULE_DELAY=50`,
        },
      );
      try {
        const port = await eventually('it listens', () => {
          const line = launched.lines().find(({ message }) => message === 'Listening');
          return line?.port as number | undefined;
        });
        await eventually('spans of two processes', async () => {
          await ask({ url: `http://127.0.0.1:${port}/health/live` });
          const own = collector
            .spans()
            .filter(({ resource }) => resource['service.name'] === 'from-file');
          const instances = new Set(own.map(({ resource }) => resource['service.instance.id']));
          return instances.size === 2 ? true : undefined;
        });
      } finally {
        await launched.close();
      }
    });

    it('exports what is left when it stops', async () => {
      const stopping = await startTraced(collector, {
        OTEL_SERVICE_NAME: 'stopping',
        OTEL_BSP_SCHEDULE_DELAY: '60000',
      });
      try {
        await ask({ url: `${stopping.url}/` });
        await eventually('the line', () => stopping.lines().find(({ route }) => route === '/'));
        stopping.process.send('SIGTERM');
        assert.deepEqual(await stopping.process.exited, { code: 0, signal: null });
        await untilSpan(({ resource }) => resource['service.name'] === 'stopping');
      } finally {
        await stopping.close();
      }
    });

    for (const [what, answer] of [
      ['hangs', () => undefined],
      ['refuses', () => 400],
      ['is overloaded', () => 503],
    ] as const) {
      it(`slows nothing down while its collector ${what}, says so once and stops in time`, async () => {
        const bad = await startOtlpReceiver(answer);
        const service = await startTraced(bad, {
          OTEL_EXPORTER_OTLP_TIMEOUT: '300',
          OTEL_BSP_MAX_QUEUE_SIZE: '20',
          OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5',
        });
        try {
          const start = performance.now();
          await eventually('three batches were tried', async () => {
            const { status } = await ask({ url: `${service.url}/health/live` });
            assert.equal(status, 200);
            return bad.requests() >= 3 ? true : undefined;
          });
          const times = performance.now() - start;
          const warnings = service.lines().filter(({ level }) => level === 'WARNING');
          assert.equal(warnings.length, 1, `${JSON.stringify(warnings)} in ${times} ms`);
          assert.match(String(warnings[0]?.message), /^The collector of traces does not take them/);
          const stopping = performance.now();
          service.process.send('SIGTERM');
          assert.deepEqual(await service.process.exited, { code: 0, signal: null });
          assert.ok(performance.now() - stopping < 5_000);
          assert.deepEqual(
            service.process.output().filter((line) => !line.startsWith('{')),
            [],
          );
        } finally {
          await service.close();
          await bad.close();
        }
      });
    }
  });
});
