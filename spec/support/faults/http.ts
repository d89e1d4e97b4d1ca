import { request, type Agent, type IncomingHttpHeaders } from 'node:http';

export interface Question {
  method?: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent one after the other, with their length in the headers. */
  body?: readonly Buffer[];
  /** Without it, the request has a connection of its own. */
  agent?: Agent;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Asks and reads the whole reply. Rejects with the socket's error. */
export function ask({ method = 'GET', url, headers, body, agent }: Question): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const length = body && {
      'content-type': 'application/json',
      'content-length': body.reduce((sum, part) => sum + part.length, 0),
    };
    const options = { method, agent: agent ?? false, headers: { ...length, ...headers } };
    const outgoing = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, text: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on('error', reject);
    for (const part of body ?? []) {
      outgoing.write(part);
    }
    outgoing.end();
  });
}
