import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { createReleasers } from '../../src/service/releasers.js';
import { startTestService } from '../support/service.js';

describe('A start that fails', () => {
  it('closes all that it has opened, the last first, and reports the first error', async () => {
    const closed: string[] = [];
    const opened = createReleasers();
    for (const name of ['first', 'second', 'third']) {
      opened.push(async () => {
        closed.push(name);
        await Promise.resolve();
        if (name !== 'first') throw new Error(`${name} does not close`);
      });
    }
    await assert.rejects(opened.run(), { message: 'third does not close' });
    assert.deepEqual(closed, ['third', 'second', 'first']);
    await opened.run();
    assert.equal(closed.length, 3);
  });

  it('closes the tracing too', async () => {
    const provider = BasicTracerProvider.prototype as {
      shutdown: (this: BasicTracerProvider) => Promise<void>;
    };
    const { shutdown } = provider;
    let closed = 0;
    provider.shutdown = function () {
      closed += 1;
      return shutdown.call(this);
    };
    const other = createServer();
    try {
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      await assert.rejects(
        startTestService({
          FASTAPI_PORT: String(port),
          OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        }),
        { code: 'EADDRINUSE' },
      );
      assert.equal(closed, 1);
    } finally {
      provider.shutdown = shutdown;
      other.close();
    }
  });
});
