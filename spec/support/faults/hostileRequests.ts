/** What bytes on a connection may be met with. */
export interface HostileRequest {
  what: string;
  bytes: Buffer | string;
  /** Of the one reply that there may be; several where HTTP leaves the choice. */
  status: readonly number[];
}

export const BODY = '{"task_type":"nobody_runs_this"}';
/** What is smuggled: it must never be taken for a request. */
export const SMUGGLED =
  'POST /assign-task/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
  'Content-Length: 24\r\n\r\n{"task_type":"smuggled"}';

export function post(headers: readonly string[], body = BODY, lineEnd = '\r\n'): string {
  const head = [
    'POST /assign-task/ HTTP/1.1',
    'Host: a',
    'Content-Type: application/json',
    ...headers,
  ];
  return `${head.join(lineEnd)}${lineEnd}${lineEnd}${body}`;
}

export function get(target: string, headers: readonly string[] = ['Host: a']): string {
  return `GET ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
}

export const LENGTH = `Content-Length: ${BODY.length}`;
export const CHUNKED = 'Transfer-Encoding: chunked';
