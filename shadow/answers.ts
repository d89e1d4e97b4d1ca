import { inflateSync } from 'node:zlib';
import { isObject, type ExactValue } from '../src/json/exactJson.js';
import { differencesBetween, type Difference } from './difference.js';
import type { Answer } from './exchange.js';
import { jsonOf, type ListedMessage } from './messages.js';

/** What one service has made of a request. */
export interface Effect {
  answer: Answer;
  /** Undefined where nobody has looked. */
  messages: readonly ListedMessage[] | undefined;
  /** Those that stay in Redis although messages are to be removed: nothing shows that they are of this request. */
  left: readonly ListedMessage[];
  /** Whether the body is that of a dry run, which the other service has not. */
  isDryRun: boolean;
  /** The service's own origin, which may stand in a Location. */
  origin: string;
  /** The ids that this service has given to tasks, and a name that stands for the same one in both services. */
  ids: ReadonlyMap<string, string>;
}

/** Headers that decide what a client does next. */
const HEADERS = ['allow', 'content-type', 'location', 'retry-after', 'www-authenticate'];

/** Those that a browser looks at in the answer to a request with an `Origin`. */
const HEADERS_FOR_PAGES = [
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
];

/** Lists where two services differ in what they have made of the same request. */
export function compare(python: Effect, node: Effect, isOfPage: boolean): Difference[] {
  return [
    ...differencesBetween('status', BigInt(python.answer.status), BigInt(node.answer.status)),
    ...[...HEADERS, ...(isOfPage ? HEADERS_FOR_PAGES : [])].flatMap((name) =>
      differencesBetween(`header ${name}`, headerOf(python, name), headerOf(node, name)),
    ),
    ...(python.isDryRun || node.isDryRun
      ? []
      : differencesBetween('body', bodyOf(python), bodyOf(node))),
    ...messageDifferences(python, node),
  ];
}

function headerOf({ answer, origin }: Effect, name: string): string | undefined {
  const value = answer.headers[name];
  const text = Array.isArray(value) ? value.join(', ') : value;
  switch (name) {
    case 'content-type':
      // JSON has no other charset.
      return text?.replace(/;\s*charset=utf-8$/i, '');
    case 'location':
      return text?.replace(origin, '');
    case 'allow':
    case 'access-control-allow-methods':
      return text
        ?.split(/\s*,\s*/)
        .sort()
        .join(', ');
    default:
      return text;
  }
}

/** Of what is no JSON, the text. */
function bodyOf({ answer, ids }: Effect): ExactValue {
  const text = withNames(answer.text, ids);
  return /^application\/json\b/.test(answer.headers['content-type'] ?? '')
    ? (jsonOf(text) ?? text)
    : text;
}

function withNames(text: string, ids: ReadonlyMap<string, string>): string {
  let named = text;
  for (const [id, name] of ids) {
    named = named.replaceAll(id, name);
  }
  return named;
}

function messageDifferences(python: Effect, node: Effect): Difference[] {
  if (python.messages === undefined || node.messages === undefined) {
    return [];
  }
  const [theirs, ours] = [python.messages, node.messages];
  if (theirs.length !== ours.length) {
    return differencesBetween('messages', BigInt(theirs.length), BigInt(ours.length));
  }
  return theirs.flatMap((message, index) => {
    const other = ours[index];
    return other === undefined
      ? []
      : differencesBetween('message', messageOf(message, python.ids), messageOf(other, node.ids));
  });
}

/** A message as a worker reads it, with the key of its list. */
function messageOf({ key, text }: ListedMessage, ids: ReadonlyMap<string, string>): ExactValue {
  const envelope = jsonOf(withNames(text, ids));
  if (!isObject(envelope)) {
    return new Map([['text', text]]);
  }
  const message = new Map(envelope).set('key', key);
  const headers = memberOf(envelope, 'headers');
  const properties = new Map(memberOf(envelope, 'properties'));
  for (const name of ['delivery_tag', 'reply_to']) {
    const value = properties.get(name);
    if (typeof value === 'string' && UUID.test(value)) {
      properties.set(name, 'a UUID');
    }
  }
  const body = decodedBody(envelope.get('body'), properties, headers);
  return message
    .set('properties', properties)
    .set('body', body === undefined ? null : (jsonOf(withNames(body, ids)) ?? body));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function decodedBody(
  body: ExactValue | undefined,
  properties: ReadonlyMap<string, ExactValue>,
  headers: ReadonlyMap<string, ExactValue>,
): string | undefined {
  if (typeof body !== 'string') {
    return undefined;
  }
  const bytes = Buffer.from(body, properties.get('body_encoding') === 'base64' ? 'base64' : 'utf8');
  if (headers.get('compression') !== 'application/x-gzip') {
    return bytes.toString();
  }
  try {
    // What Celery calls gzip is zlib's format.
    return inflateSync(bytes).toString();
  } catch {
    return 'a compressed body that is no zlib stream';
  }
}

function memberOf(
  object: ReadonlyMap<string, ExactValue>,
  name: string,
): ReadonlyMap<string, ExactValue> {
  const value = object.get(name);
  return isObject(value) ? value : new Map();
}
