import type { Context, Span, SpanContext } from '@opentelemetry/api';
import { headersOf, readTraceContext, traceparentOf, type TraceContext } from './traceContext.js';
import { reporting, type ExportEvents } from './reporting.js';
import type { Answer, RequestHead, RequestTrace, Sending, SentTask, Tracing } from './tracing.js';

/** The default `service.name`; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over it. */
const SERVICE_NAME = 'orchestrator';

type Api = typeof import('@opentelemetry/api');

/**
 * Records spans of requests and of the messages they send, and exports them by OTLP over HTTP in JSON. OpenTelemetry
 * reads its `OTEL_*` variables from the environment itself, and is loaded here only, as it costs every start 100 ms and
 * more. A slow collector delays no request: spans that do not fit into the bounded queue are dropped.
 */
export async function startOpenTelemetry(version: string, events: ExportEvents): Promise<Tracing> {
  const [api, { ExportResultCode }, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { envDetector, serviceInstanceIdDetector } = resources;
  const exporter = reporting(new OTLPTraceExporter(), ExportResultCode, events);
  const own = { 'service.name': SERVICE_NAME, 'service.version': version };
  const provider = new sdk.BasicTracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes(own))
      .merge(resources.detectResources({ detectors: [serviceInstanceIdDetector, envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer(SERVICE_NAME, version);

  const startSending = (
    parent: Context,
    sent: TraceContext | undefined,
    task: SentTask,
  ): Sending => {
    const span = tracer.startSpan(
      `send ${task.queue}`,
      { kind: api.SpanKind.PRODUCER, attributes: attributesOfTask(task) },
      parent,
    );
    return {
      headers: headersFor(span.spanContext(), sent?.baggage),
      end(fate) {
        span.setAttribute('orchestrator.outcome', fate);
        if (fate !== 'assigned' && fate !== 'repeated') {
          span.setAttribute('error.type', fate);
          span.setStatus({ code: api.SpanStatusCode.ERROR });
        }
        span.end();
      },
    };
  };

  return {
    begin(request): RequestTrace {
      const sent = readTraceContext(request.headers);
      const span = tracer.startSpan(
        request.method,
        { kind: api.SpanKind.SERVER, attributes: attributesOfRequest(request) },
        parentContext(api, sent),
      );
      const context = api.trace.setSpan(api.ROOT_CONTEXT, span);
      return {
        traceId: span.spanContext().traceId,
        startSending: (task) => startSending(context, sent, task),
        end(answer) {
          endRequest(api, span, request.method, answer);
        },
      };
    },
    async close(milliseconds) {
      let timer: NodeJS.Timeout | undefined;
      const overdue = new Promise((resolve) => {
        timer = setTimeout(resolve, milliseconds);
      });
      await Promise.race([provider.shutdown().catch(() => undefined), overdue]);
      clearTimeout(timer);
    },
  };
}

function parentContext(api: Api, sent: TraceContext | undefined): Context {
  if (sent?.parent === undefined) {
    return api.ROOT_CONTEXT;
  }
  const { traceId, spanId, flags } = sent.parent;
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...(sent.state !== undefined && { traceState: api.createTraceState(sent.state) }),
  });
}

function headersFor(
  { traceId, spanId, traceFlags, traceState }: SpanContext,
  baggage: string | undefined,
): Sending['headers'] {
  const text = traceparentOf(traceId, spanId, traceFlags);
  const state = traceState?.serialize();
  return headersOf({
    parent: { text, traceId, spanId, flags: traceFlags },
    state: state === '' ? undefined : state,
    baggage,
  });
}

/** From "Semantic conventions for HTTP spans" (server). Without the query, in which a client may send a key. */
function attributesOfRequest({
  method,
  url,
  protocol,
  httpVersion,
  headers,
}: RequestHead): Attributes {
  const [path = ''] = url.split('?');
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(headers.host ?? '') ?? [];
  return {
    'http.request.method': method,
    'url.path': path,
    'url.scheme': protocol,
    'network.protocol.version': httpVersion,
    ...(host !== '' && { 'server.address': host }),
    ...(port !== undefined && { 'server.port': Number(port) }),
    ...(headers['user-agent'] !== undefined && { 'user_agent.original': headers['user-agent'] }),
  };
}

/** From "Semantic conventions for messaging spans"; `celery.task_name` is from Celery's own instrumentation. */
function attributesOfTask({ id, name, queue }: SentTask): Attributes {
  return {
    'messaging.system': 'celery',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': queue,
    'messaging.message.id': id,
    'celery.task_name': name,
  };
}

type Attributes = Record<string, string | number>;

/** Ends a server's span. A 4xx is no error in it, as the semantic conventions say. */
function endRequest(api: Api, span: Span, method: string, answer: Answer): void {
  const { route, status, client, failure } = answer;
  if (route !== undefined) {
    span.updateName(`${method} ${route}`);
    span.setAttribute('http.route', route);
  }
  if (client !== undefined) {
    span.setAttribute('client.address', client);
  }
  if (status !== undefined) {
    span.setAttribute('http.response.status_code', status);
    if (status >= 500) {
      const isError = failure instanceof Error;
      span.setAttribute('error.type', isError ? failure.name : String(status));
      span.setStatus({
        code: api.SpanStatusCode.ERROR,
        ...(isError && { message: failure.message }),
      });
    }
  }
  span.end();
}
