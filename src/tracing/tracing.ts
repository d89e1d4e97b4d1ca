import type { IncomingHttpHeaders } from 'node:http';
import type { Fate } from '../celery/producing/fate.js';
import { headersOf, readTraceContext, type TraceHeaders } from './traceContext.js';

/** How requests take part in traces. */
export interface Tracing {
  /** Undefined for a request that has no part in any: it costs nothing. */
  begin: (request: RequestHead) => RequestTrace | undefined;
  /** Sends what is left, within `milliseconds`. Never rejects. */
  close: (milliseconds: number) => Promise<void>;
}

/** What is known of a request before its route is. */
export interface RequestHead {
  method: string;
  url: string;
  protocol: string;
  httpVersion: string;
  headers: IncomingHttpHeaders;
}

/** One request's part in a trace. */
export interface RequestTrace {
  /** 32 hexadecimal digits; undefined where the request has no trace but only baggage. */
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
  /** Of the message: by them, whoever runs the task continues the trace. */
  headers: TraceHeaders;
  /** `assigned` and `repeated` are no failure. */
  end: (fate: Fate | 'invalid') => void;
}

export interface Answer {
  /** The contract's path; undefined where there is none. */
  route: string | undefined;
  /** Undefined for a request that was cut before its answer. */
  status: number | undefined;
  client: string | undefined;
  failure: unknown;
}

/** Hands on what requests say of their traces, and adds nothing of its own. */
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
