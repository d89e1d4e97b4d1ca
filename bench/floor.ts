import { createServer } from 'node:http';

import { ANSWERS, RESULT_ANSWERS } from './answers.js';

// What HTTP itself costs in Node.js: it reads each request to its end and answers JSON of the size that
// the service answers, with no Redis, no validation and no log.

const port = Number(process.argv[2]);
const jsonHeaders = (body: string): Record<string, string | number> => ({
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': Buffer.byteLength(body),
});
const answerOf = (body: string) => ({ body, headers: jsonHeaders(body) });
const assigned = answerOf(ANSWERS.assigned);
const pending = answerOf(ANSWERS.pending);
const completed = new Map(
  [...RESULT_ANSWERS].map(([id, body]) => [`/result/${id}`, answerOf(body)]),
);

createServer((request, response) => {
  const answer =
    request.method === 'POST' ? assigned : (completed.get(request.url ?? '') ?? pending);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.writeHead(200, answer.headers);
    response.end(answer.body);
  });
}).listen(port, '127.0.0.1');
