import {
  BODY,
  CHUNKED,
  get,
  LENGTH,
  post,
  SMUGGLED,
  type HostileRequest,
} from './hostileRequests.js';

/** Headers and bodies that are no HTTP, or that two readers may take for different requests. */
export const HOSTILE_FRAMING: readonly HostileRequest[] = [
  {
    what: 'Content-Length and Transfer-Encoding',
    bytes: post([LENGTH, CHUNKED], `0\r\n\r\n${SMUGGLED}`),
    status: [400],
  },
  {
    what: 'Transfer-Encoding and Content-Length',
    bytes: post([CHUNKED, 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
    status: [400],
  },
  {
    what: 'two Content-Lengths that differ',
    bytes: post(['Content-Length: 0', LENGTH], SMUGGLED),
    status: [400],
  },
  { what: 'two Content-Lengths that agree', bytes: post([LENGTH, LENGTH]), status: [400] },
  { what: 'a list of Content-Lengths', bytes: post(['Content-Length: 0, 32']), status: [400] },
  { what: 'a negative Content-Length', bytes: post(['Content-Length: -1']), status: [400] },
  {
    what: 'a signed Content-Length',
    bytes: post([`Content-Length: +${BODY.length}`]),
    status: [400],
  },
  { what: 'a Content-Length in hexadecimal', bytes: post(['Content-Length: 0x20']), status: [400] },
  {
    what: 'a Content-Length beyond 64 bits',
    bytes: post([`Content-Length: ${'9'.repeat(30)}`]),
    status: [400],
  },
  {
    what: 'a Content-Length of a terabyte',
    bytes: post(['Content-Length: 1099511627776']),
    status: [413],
  },
  {
    what: 'a Content-Length with white space in it',
    bytes: post(['Content-Length: 3 2']),
    status: [400],
  },
  {
    what: 'an unknown transfer encoding',
    bytes: post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`),
    status: [400, 501],
  },
  {
    what: 'chunked, and then another encoding',
    bytes: post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`),
    status: [400],
  },
  {
    what: 'chunked in two headers',
    bytes: post([CHUNKED, 'Transfer-Encoding: identity'], `0\r\n\r\n${SMUGGLED}`),
    status: [400],
  },
  {
    what: 'a vertical tab before chunked',
    bytes: post(['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${SMUGGLED}`),
    status: [400],
  },
  {
    what: 'a header folded over two lines',
    bytes: post([LENGTH, 'X-A: b', ' c']),
    status: [200, 400],
  },
  {
    what: 'a folded Transfer-Encoding',
    bytes: post(['Transfer-Encoding:', ' chunked'], `0\r\n\r\n${SMUGGLED}`),
    status: [400],
  },
  {
    what: 'white space before the colon',
    bytes: post([`Content-Length : ${BODY.length}`]),
    status: [400],
  },
  { what: 'a header that begins with white space', bytes: get('/', [' Host: a']), status: [400] },
  { what: 'a header without a name', bytes: get('/', ['Host: a', ': b']), status: [400] },
  { what: 'a header without a colon', bytes: get('/', ['Host: a', 'nothing']), status: [400] },
  { what: 'a NUL in a header', bytes: get('/', ['Host: a', 'X-A: b\0c']), status: [400] },
  {
    what: 'a carriage return in a header',
    bytes: get('/', ['Host: a', 'X-A: b\rc']),
    status: [400],
  },
  { what: 'lines that end in a bare line feed', bytes: post([LENGTH], BODY, '\n'), status: [400] },
  { what: 'one bare line feed', bytes: post([`${LENGTH}\nX-A: b`]), status: [400] },
  { what: 'no Host', bytes: get('/', ['X-A: b']), status: [400] },
  { what: 'two Hosts', bytes: get('/', ['Host: a', 'Host: b']), status: [200, 400] },
  { what: 'chunks of no size', bytes: post([CHUNKED], 'zz\r\nabc\r\n0\r\n\r\n'), status: [400] },
  {
    what: 'a chunk longer than its size',
    bytes: post([CHUNKED], `4\r\n${BODY}\r\n0\r\n\r\n`),
    status: [400],
  },
  {
    what: 'a chunk size beyond 64 bits',
    bytes: post([CHUNKED], 'fffffffffffffffff\r\nabc'),
    status: [400],
  },
  {
    what: 'a negative chunk size',
    bytes: post([CHUNKED], '-1\r\nabc\r\n0\r\n\r\n'),
    status: [400],
  },
  {
    what: 'a chunk extension of 100 kB',
    bytes: post([CHUNKED], `1;${'a'.repeat(1e5)}\r\n{\r\n0\r\n\r\n`),
    status: [400, 413],
  },
  {
    what: 'a chunk size ended by a bare line feed',
    bytes: post([CHUNKED], `20\n${BODY}\r\n0\r\n\r\n`),
    status: [400],
  },
  {
    what: 'trailers of 100 kB',
    bytes: post([CHUNKED], `20\r\n${BODY}\r\n0\r\nX-A: ${'a'.repeat(1e5)}\r\n\r\n`),
    status: [400, 431],
  },
  {
    what: 'a header of 100 kB',
    bytes: get('/', ['Host: a', `X-A: ${'a'.repeat(1e5)}`]),
    status: [431],
  },
  {
    what: '5,000 headers',
    bytes: get('/', ['Host: a', ...Array.from({ length: 5_000 }, (_, index) => `X-${index}: b`)]),
    status: [431],
  },
];
