import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { startServiceProcess, type ServiceProcess } from '../support/serviceProcess.js';

const requiring = (name: string): string =>
  `tasks: { a: { params: { type: object, required: [${name}] } } }\n`;

describe('SIGHUP', function () {
  this.timeout(60_000);
  let folder: string;
  let file: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reload-'));
    file = join(folder, 'tasks.yaml');
  });
  after(() => rm(folder, { recursive: true }));

  /** Which member of the params is missing; undefined for a request that is taken. */
  const missing = async (service: ServiceProcess): Promise<string | undefined> => {
    const response = await fetch(`${service.url}/assign-task/?dry_run=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: '{"task_type":"a","params":{}}',
    });
    const { details } = (await response.json()) as {
      details?: { errors: { pointer: string }[] };
    };
    return details?.errors[0]?.pointer.replace('/params/', '');
  };

  const countOf = (service: ServiceProcess, message: string): number =>
    service.lines().filter((line) => line.message === message).length;

  for (const processes of [1, 2]) {
    it(`lets ${processes === 1 ? 'the process' : `all ${processes} processes`} read the tasks files again`, async () => {
      await writeFile(file, requiring('one'));
      const service = await startServiceProcess({
        TASKS_FILE: file,
        WEB_CONCURRENCY: String(processes),
      });
      try {
        assert.equal(await missing(service), 'one');
        const before = await contractOf(service);

        await writeFile(file, requiring('two'));
        service.process.send('SIGHUP');
        await eventually(
          'all have read it',
          () => countOf(service, 'Tasks files have been read again') === processes || undefined,
        );
        for (let count = 0; count < 2 * processes; count += 1) {
          assert.equal(await missing(service), 'two');
        }
        const after = await contractOf(service);
        assert.notEqual(after.etag, before.etag);
        assert.match(after.text, /"required":\["two"\]/);

        await writeFile(file, 'tasks: [');
        service.process.send('SIGHUP');
        const told = 'Tasks files are not taken: what was read before stays';
        await eventually('all have told', () => countOf(service, told) === processes || undefined);
        const line = service.lines().find(({ message }) => message === told);
        assert.match(String(line?.reason), /tasks\.yaml:1: is not YAML/);
        assert.equal(await missing(service), 'two');
        assert.deepEqual(await contractOf(service), after);
      } finally {
        await service.close();
      }
    });
  }

  it('may come again while it is heeded', async () => {
    await writeFile(file, requiring('one'));
    const service = await startServiceProcess({ TASKS_FILE: file, LOG_LEVEL: 'DEBUG' });
    try {
      for (let count = 0; count < 5; count += 1) {
        service.process.send('SIGHUP');
      }
      await eventually(
        'it has read again',
        () => countOf(service, 'Tasks files have been read again') > 0 || undefined,
      );
      assert.equal(await missing(service), 'one');
    } finally {
      await service.close();
    }
  });
});

async function contractOf(service: ServiceProcess): Promise<{ etag: string | null; text: string }> {
  const response = await fetch(`${service.url}/openapi.json`, {
    headers: { 'accept-encoding': 'identity', connection: 'close' },
  });
  return { etag: response.headers.get('etag'), text: await response.text() };
}
