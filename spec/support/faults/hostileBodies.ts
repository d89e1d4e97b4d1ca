import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

/** What a body and its headers may be met with. */
export interface HostileBody {
  what: string;
  body: Buffer | string;
  headers?: Readonly<Record<string, string>>;
  status: number;
}

const BOMB_BYTES = 64 * 1024 * 1024;

/** `params` as it is, in an otherwise good body. */
function withParams(params: string): string {
  return `{"task_type":"nobody_runs_this","params":${params}}`;
}

function ofType(taskType: string): string {
  return `{"task_type":${taskType}}`;
}

const good = withParams('{"a":1}');
const zeros = Buffer.alloc(BOMB_BYTES);

/** Bodies of POST /assign-task/. Those with 200 are odd, and fine. */
export const HOSTILE_BODIES: readonly HostileBody[] = [
  { what: 'arrays nested 100,000 deep', body: withParams('['.repeat(100_000)), status: 400 },
  {
    what: 'objects nested 50,000 deep and closed',
    body: withParams(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`),
    status: 400,
  },
  { what: 'a string of 10 MB', body: withParams(`{"a":"${'x'.repeat(1e7)}"}`), status: 413 },
  { what: 'invalid UTF-8', body: Buffer.from(`${good}\xff\xfe`, 'latin1'), status: 400 },
  {
    what: 'an overlong encoding of a slash',
    body: Buffer.concat([Buffer.from('{"task_type":"a'), Buffer.from([0xc0, 0xaf, 0x22, 0x7d])]),
    status: 400,
  },
  {
    what: 'a surrogate encoded as UTF-8',
    body: Buffer.concat([
      Buffer.from('{"task_type":"a","params":{"a":"'),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from('"}}'),
    ]),
    status: 400,
  },
  { what: 'UTF-16', body: Buffer.from(good, 'utf16le'), status: 400 },
  {
    what: 'UTF-16 that says so',
    body: Buffer.from(`\ufeff${good}`, 'utf16le'),
    headers: { 'content-type': 'application/json; charset=utf-16' },
    status: 400,
  },
  { what: 'lone surrogates as escapes', body: withParams(String.raw`{"a":"\ud800"}`), status: 200 },
  { what: 'a NUL as an escape', body: withParams(String.raw`{"a\u0000":"\u0000"}`), status: 200 },
  { what: 'a NUL as a byte', body: withParams('{"a":"\0"}'), status: 400 },
  { what: 'a NUL behind the JSON', body: `${good}\0`, status: 400 },
  { what: 'a NUL in the task type', body: ofType(String.raw`"a\u0000b"`), status: 400 },
  { what: 'a line break in the task type', body: ofType(String.raw`"a\r\nb"`), status: 400 },
  { what: 'a line break at its end', body: ofType(String.raw`"a\n"`), status: 400 },
  { what: 'a path as the task type', body: ofType('"../../etc/passwd"'), status: 400 },
  { what: 'letters of another script in it', body: ofType('"tаsk"'), status: 400 },
  { what: 'a task type of 100,000 letters', body: ofType(`"${'a'.repeat(1e5)}"`), status: 400 },
  { what: 'a list as the task type', body: ofType('["test_task"]'), status: 400 },
  { what: 'the key __proto__', body: withParams('{"__proto__":{"polluted":1}}'), status: 200 },
  {
    what: 'the keys of Object.prototype',
    body: withParams(
      '{"constructor":{"prototype":{"polluted":1}},"toString":1,"hasOwnProperty":0}',
    ),
    status: 200,
  },
  {
    what: '__proto__ beside task_type',
    body: '{"task_type":"nobody_runs_this","__proto__":{"params":1,"polluted":1}}',
    status: 200,
  },
  { what: 'only __proto__', body: '{"__proto__":{"task_type":"a"}}', status: 400 },
  {
    what: 'a key repeated',
    body: '{"task_type":"x","task_type":"nobody_runs_this","params":{"a":1,"a":2}}',
    status: 200,
  },
  { what: 'a number beyond a double', body: withParams('{"a":1e400}'), status: 400 },
  { what: 'a number below one', body: withParams('{"a":1e-999999999}'), status: 200 },
  {
    what: 'an integer of 4,301 digits',
    body: withParams(`{"a":${'9'.repeat(4301)}}`),
    status: 400,
  },
  {
    what: 'an integer of 4,300 digits',
    body: withParams(`{"a":${'9'.repeat(4300)}}`),
    status: 200,
  },
  {
    what: 'an exponent of 100,000 digits',
    body: withParams(`{"a":1e${'9'.repeat(1e5)}}`),
    status: 400,
  },
  { what: 'NaN', body: withParams('{"a":NaN}'), status: 400 },
  { what: 'a comment', body: `${good}// a`, status: 400 },
  { what: 'single quotes', body: "{'task_type':'a'}", status: 400 },
  { what: 'a trailing comma', body: '{"task_type":"a",}', status: 400 },
  { what: 'two documents', body: `${good}${good}`, status: 400 },
  { what: 'a document cut short', body: good.slice(0, -1), status: 400 },
  { what: 'an empty body', body: '', status: 400 },
  { what: 'white space alone', body: ' \n\t', status: 400 },
  { what: 'null', body: 'null', status: 400 },
  { what: 'a list', body: `[${good}]`, status: 400 },
  { what: 'a text', body: '"test_task"', status: 400 },
  { what: '100,000 keys', body: withParams(`{${keys(100_000)}}`), status: 413 },
  { what: '50,000 keys', body: withParams(`{${keys(50_000)}}`), status: 200 },
  ...(
    [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
    ] as const
  ).map(([encoding, compress]) => ({
    what: `a bomb of ${encoding}`,
    body: compress(zeros),
    headers: { 'content-encoding': encoding },
    status: 413,
  })),
  {
    what: 'good JSON as gzip',
    body: gzipSync(good),
    headers: { 'content-encoding': 'gzip' },
    status: 200,
  },
  { what: 'gzip that is none', body: good, headers: { 'content-encoding': 'gzip' }, status: 400 },
  {
    what: 'gzip cut short',
    body: gzipSync(good).subarray(0, 20),
    headers: { 'content-encoding': 'gzip' },
    status: 400,
  },
  {
    what: 'an unknown content encoding',
    body: good,
    headers: { 'content-encoding': 'rot13' },
    status: 400,
  },
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'a',
  ].map((mediaType) => ({
    what: `JSON as ${mediaType}`,
    body: good,
    headers: { 'content-type': mediaType },
    status: 400,
  })),
];

function keys(count: number): string {
  return Array.from({ length: count }, (_, index) => `"key${index}":1`).join(',');
}
