import { createServer } from 'node:http';

import { ANSWERS, HIT_ID } from './answers.js';

// What HTTP itself costs in Node.js: it reads each request to its end and answers JSON of the size that
// the service answers, with no Redis, no validation and no log.

const port = Number(process.argv[2]);
const jsonHeaders = (body: string): Record<string, string | number> => ({
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': Buffer.byteLength(body),
});
const answers = Object.entries(ANSWERS).map(
  ([name, body]) => [name, { body, headers: jsonHeaders(body) }] as const,
);
const { assigned, completed, pending } = Object.fromEntries(answers);
const hitPath = `/result/${HIT_ID.slice(0, 8)}`;

createServer((request, response) => {
  const isHit = request.url?.startsWith(hitPath);
  const answer = request.method === 'POST' ? assigned : isHit ? completed : pending;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.writeHead(200, answer?.headers);
    response.end(answer?.body);
  });
}).listen(port, '127.0.0.1');
