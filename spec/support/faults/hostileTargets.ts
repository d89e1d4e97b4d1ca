import { get, LENGTH, post, type HostileRequest } from './hostileRequests.js';

/** Targets, methods and versions of HTTP that the service has not. */
export const HOSTILE_TARGETS: readonly HostileRequest[] = [
  { what: 'a target of 100 kB', bytes: get(`/${'a'.repeat(1e5)}`), status: [414, 431] },
  {
    what: 'a target in absolute form',
    bytes: post([LENGTH]).replace('/assign', 'http://elsewhere/assign'),
    status: [200],
  },
  {
    what: 'a target in absolute form with a strange scheme',
    bytes: get('file:///etc/passwd'),
    status: [400, 404],
  },
  { what: 'a target that is a name', bytes: get('elsewhere:443'), status: [400, 404] },
  { what: 'a target with two slashes', bytes: get('//elsewhere/health'), status: [404] },
  { what: 'a target that climbs', bytes: get('/docs/../../package.json'), status: [404] },
  {
    what: 'a target that climbs in escapes',
    bytes: get('/docs/..%2f..%2fpackage.json'),
    status: [404],
  },
  { what: 'a target with a NUL', bytes: get('/result/a\0b'), status: [400] },
  { what: 'a NUL as an escape', bytes: get('/result/a%00b'), status: [400] },
  { what: 'an escape that is no UTF-8', bytes: get('/result/%ff'), status: [400] },
  { what: 'an escape cut short', bytes: get('/result/%f'), status: [400] },
  { what: 'a line break as an escape', bytes: get('/result/a%0d%0ab'), status: [400] },
  { what: 'a slash as an escape', bytes: get('/result/..%2f..%2fetc'), status: [400] },
  { what: 'an id of 5,000 letters', bytes: get(`/result/${'a'.repeat(5_000)}`), status: [400] },
  { what: 'the target *', bytes: get('*'), status: [400, 404] },
  { what: 'an unknown method', bytes: get('/').replace('GET', 'FROB'), status: [400, 405] },
  { what: 'a method in small letters', bytes: get('/').replace('GET', 'get'), status: [400, 405] },
  { what: 'TRACE', bytes: get('/').replace('GET', 'TRACE'), status: [405] },
  {
    what: 'CONNECT',
    bytes: get('elsewhere:443').replace('GET', 'CONNECT'),
    status: [400, 404, 405, 501],
  },
  {
    what: 'an Upgrade',
    bytes: get('/health/live', ['Host: a', 'Connection: Upgrade', 'Upgrade: websocket']),
    status: [200, 400, 426],
  },
  { what: 'HTTP/0.9', bytes: 'GET /\r\n\r\n', status: [200, 400] },
  { what: 'HTTP/9.9', bytes: 'GET / HTTP/9.9\r\nHost: a\r\n\r\n', status: [400, 505] },
  { what: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: [400, 505] },
  { what: 'a greeting of TLS', bytes: Buffer.from('16030100a5010000a10303', 'hex'), status: [400] },
  { what: 'a command of Redis', bytes: '*1\r\n$8\r\nFLUSHALL\r\n', status: [400] },
];
