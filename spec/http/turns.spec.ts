import assert from 'node:assert/strict';
import { openConnection, statusesIn } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { sumIn } from '../support/metrics.js';
import { startTestService, type TestService } from '../support/service.js';

describe('Many requests at once', () => {
  const COUNT = 200;
  const ids = Array.from({ length: COUNT }, (_, index) => `request-${index}`);
  const packet = ids
    .map((id) => `GET /result/a HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n\r\n`)
    .join('');
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.close());

  it('are answered in the order in which they came', async () => {
    const { socket, received } = await openConnection(service.url);
    socket.write(packet);
    await eventually('all are answered', () =>
      statusesIn(received()).length === COUNT ? true : undefined,
    );
    const answered = [...received().matchAll(/^X-Request-Id: (.*)\r$/gm)].map(([, id]) => id);
    assert.deepEqual(answered, ids);
    socket.destroy();
  });

  it('are all counted and logged once, though their client has gone before their turn', async () => {
    service.lines.length = 0;
    const { socket } = await openConnection(service.url);
    await new Promise<void>((resolve) => {
      socket.write(packet, () => {
        resolve();
      });
    });
    socket.destroy();
    const logged = await eventually('all are logged', () => {
      const found = service.lines.filter(({ message }) => message === 'request');
      return found.length >= COUNT ? found : undefined;
    });
    assert.deepEqual(logged.map(({ fields }) => fields.request_id).sort(), [...ids].sort());
    assert.ok(logged.some(({ fields }) => fields.aborted));
    const { text } = await service.get('/metrics').expect(200);
    assert.equal(sumIn(text, 'orchestrator_http_requests_in_flight'), 1);
  });

  it('hold nobody up who sends his body slowly', async () => {
    const slow = await openConnection(service.url);
    const body = '{"task_type":"test_task","params":{"duration":0}}';
    slow.socket.write(
      'POST /assign-task/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
        `Content-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
    );
    const { socket, received } = await openConnection(service.url);
    socket.write(packet);
    await eventually('all others are answered', () =>
      statusesIn(received()).length === COUNT ? true : undefined,
    );
    socket.destroy();
    slow.socket.write(body.slice(10));
    await eventually('it is answered', () =>
      statusesIn(slow.received())[0] === 200 ? true : undefined,
    );
    slow.socket.destroy();
  });
});
