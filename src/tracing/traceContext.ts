import type { IncomingHttpHeaders } from 'node:http';

/** Headers of a message: `traceparent`, `tracestate` and `baggage`, named as in HTTP. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** The trace that a request is part of, as its headers say. */
export interface TraceContext {
  /** `text` is the header as it was sent. Undefined if it was malformed or missing. */
  parent: { text: string; traceId: string; spanId: string; flags: number } | undefined;
  state: string | undefined;
  baggage: string | undefined;
}

/**
 * Reads the headers of W3C Trace Context and W3C Baggage. A malformed header counts as missing, as the standard says, and
 * so does a `tracestate` without a `traceparent`. Returns undefined if nothing is left.
 *
 * Not by `@opentelemetry/core`: these headers are handed on without OpenTelemetry too, and to load its parser costs each
 * process 100 ms of CPU time and 4 MB. Nor does it keep the text of a version to come.
 */
export function readTraceContext(headers: IncomingHttpHeaders): TraceContext | undefined {
  const { traceparent, baggage } = headers;
  if (traceparent === undefined && baggage === undefined) {
    return undefined;
  }
  const parent = parseTraceparent(String(traceparent));
  const context = {
    parent,
    state: parent && parseTracestate(headerText(headers.tracestate)),
    baggage: parseBaggage(headerText(baggage)),
  };
  return parent === undefined && context.baggage === undefined ? undefined : context;
}

/** Returns the headers that hand this trace on. */
export function headersOf({ parent, state, baggage }: TraceContext): TraceHeaders {
  return {
    ...(parent !== undefined && { traceparent: parent.text }),
    ...(state !== undefined && { tracestate: state }),
    ...(baggage !== undefined && { baggage }),
  };
}

export function traceparentOf(traceId: string, spanId: string, flags: number): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/** `traceparent` (Trace Context, section 3.2). Later versions may add fields; ff is no version. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function parseTraceparent(sent: string): TraceContext['parent'] {
  // A longer one is of no known version, and would go into every message.
  const parts = sent.length > 128 ? null : TRACEPARENT.exec(sent.trim());
  if (parts === null) {
    return undefined;
  }
  const [text, version, traceId = '', spanId = '', flags = '', rest] = parts;
  if (version === '00' && rest !== undefined) {
    return undefined;
  }
  return { text, traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** `list-member` of `tracestate` (Trace Context, section 3.3.1). */
const STATE_MEMBER =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/** The least that must be handed on (section 3.3.1.5), and the most members allowed (section 3.3.1.1). */
const STATE_CHARACTERS = 512;
const STATE_MEMBERS = 32;

function parseTracestate(sent: string): string | undefined {
  const members = splitMembers(sent);
  if (members.length > STATE_MEMBERS || !members.every((member) => STATE_MEMBER.test(member))) {
    return undefined;
  }
  return joinFitting(members, STATE_CHARACTERS);
}

/**
 * `list-member` of `baggage` (Baggage, section 3.3.1): a token, a value in ASCII, and properties. One expression for all
 * of it would need time that grows with the square of the header's length.
 */
function isBaggageMember(member: string): boolean {
  const [pair = '', ...properties] = member.split(';');
  const end = pair.indexOf('=');
  return (
    end > 0 &&
    /^[!#$%&'*+\-.^_`|~\w]+$/.test(pair.slice(0, end).trim()) &&
    /^[!#-+\--:<-[\]-~]*$/.test(pair.slice(end + 1).trim()) &&
    properties.every((property) => /^[ !#-+\--:<-[\]-~\t]*$/.test(property))
  );
}

/** The least that must be handed on (section 3.3.2). */
const BAGGAGE_CHARACTERS = 8_192;
const BAGGAGE_MEMBERS = 64;

function parseBaggage(sent: string): string | undefined {
  const members = splitMembers(sent).filter(isBaggageMember);
  return joinFitting(members.slice(0, BAGGAGE_MEMBERS), BAGGAGE_CHARACTERS);
}

/** Node joins the values of a repeated header; String() does so for a list. */
function headerText(header: string | string[] | undefined): string {
  return header === undefined ? '' : String(header);
}

function splitMembers(list: string): string[] {
  return list
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

/** Joins the first members that fit into `most` characters; undefined if none does. */
function joinFitting(members: readonly string[], most: number): string | undefined {
  let text = '';
  for (const member of members) {
    const longer = text === '' ? member : `${text},${member}`;
    if (longer.length > most) {
      break;
    }
    text = longer;
  }
  return text === '' ? undefined : text;
}
