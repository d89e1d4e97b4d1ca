import type { IncomingHttpHeaders } from 'node:http';

/** Headers of a message, as those of HTTP are called: `traceparent`, `tracestate` and `baggage`. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** What a request says of the trace that it is part of. */
export interface TraceContext {
  /** As it was sent, well-formed. */
  parent: { text: string; traceId: string; spanId: string; flags: number } | undefined;
  state: string | undefined;
  baggage: string | undefined;
}

/**
 * Reads the headers of W3C Trace Context and W3C Baggage. What is malformed counts as not sent, as the standard
 * says, and a `tracestate` without a `traceparent` too. Returns undefined where nothing is left.
 */
export function readTraceContext(headers: IncomingHttpHeaders): TraceContext | undefined {
  const { traceparent, baggage } = headers;
  if (traceparent === undefined && baggage === undefined) {
    return undefined;
  }
  const parent = parentIn(String(traceparent));
  const context = {
    parent,
    state: parent && stateIn(textOf(headers.tracestate)),
    baggage: baggageIn(textOf(baggage)),
  };
  return parent === undefined && context.baggage === undefined ? undefined : context;
}

/** The headers by which others take part in this trace. */
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

/** `traceparent` (Trace Context, section 3.2): later versions may add fields, and ff is none. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function parentIn(sent: string): TraceContext['parent'] {
  // What is longer is of no version that is known, and would go into every message.
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

/** What must be handed on at least (section 3.3.1.5), and what may be there at most (section 3.3.1.1). */
const STATE_CHARACTERS = 512;
const STATE_MEMBERS = 32;

function stateIn(sent: string): string | undefined {
  const members = membersOf(sent);
  if (members.length > STATE_MEMBERS || !members.every((member) => STATE_MEMBER.test(member))) {
    return undefined;
  }
  return joined(members, STATE_CHARACTERS);
}

/**
 * `list-member` of `baggage` (Baggage, section 3.3.1): a token, a value in ASCII, and properties. One expression for
 * all of it would take time that grows with the square of a header's length.
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

/** What must be handed on at least (section 3.3.2). */
const BAGGAGE_CHARACTERS = 8_192;
const BAGGAGE_MEMBERS = 64;

function baggageIn(sent: string): string | undefined {
  const members = membersOf(sent).filter(isBaggageMember);
  return joined(members.slice(0, BAGGAGE_MEMBERS), BAGGAGE_CHARACTERS);
}

/** Of a header that was sent twice, Node has joined the values. */
function textOf(header: string | string[] | undefined): string {
  return header === undefined ? '' : String(header);
}

function membersOf(list: string): string[] {
  return list
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

/** As many whole members, from the first, as fit; undefined for none. */
function joined(members: readonly string[], most: number): string | undefined {
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
