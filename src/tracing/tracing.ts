import type { IncomingHttpHeaders } from 'node:http';
import type { Fate } from '../celery/producing/fate.js';
import { headersOf, readTraceContext, type TraceHeaders } from './traceContext.js';

/** How requests take part in traces. */
export interface Tracing {
  /** Returns undefined for a request without a trace, which costs nothing. */
  begin: (request: RequestHead) => RequestTrace | undefined;
  /** Exports the last spans, for `milliseconds` at most. Never rejects. */
  close: (milliseconds: number) => Promise<void>;
}

/** A request before its route is known. */
export interface RequestHead {
  method: string;
  url: string;
  protocol: string;
  httpVersion: string;
  headers: IncomingHttpHeaders;
}

/** One request's part in a trace. */
export interface RequestTrace {
  /** 32 hexadecimal digits; undefined for a request with baggage and no trace. */
  traceId: string | undefined;
  startSending: (task: SentTask) => Sending;
  end: (answer: Answer) => void;
}

export interface SentTask {
  id: string;
  name: string;
  queue: string;
}

/** A message on its way to its queue. */
export interface Sending {
  /** Headers for the message, by which the worker continues the trace. */
  headers: TraceHeaders;
  /** `assigned` and `repeated` are no failure. */
  end: (fate: Fate | 'invalid') => void;
}

export interface Answer {
  /** The contract's path; undefined if none matched. */
  route: string | undefined;
  /** Undefined for a request that was cut before its answer. */
  status: number | undefined;
  client: string | undefined;
  failure: unknown;
}

/** Propagates the callers' traces and records no spans. */
export const handOnTraces: Tracing = {
  begin({ headers }) {
    const context = readTraceContext(headers);
    if (context === undefined) {
      return undefined;
    }
    const sending = { headers: headersOf(context), end: nothing };
    return { traceId: context.parent?.traceId, startSending: () => sending, end: nothing };
  },
  close: () => Promise.resolve(),
};

function nothing(): void {
  // There is no span to end.
}
