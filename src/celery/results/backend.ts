import type { CeleryBackend } from 'celery-node/dist/backends/index.js';
import type { Connection } from '../../redis/connection.js';
import { createMetaReader, createResultReader, type ReadResult } from './results.js';

/** celery-node's result backend, with a read that ends in time and tells what it could not read. */
export interface ResultBackend extends CeleryBackend {
  readResult: ReadResult;
}

/**
 * The result backend of Celery on Redis.
 *
 * @param globalKeyPrefix as for `createResultReader`
 * @param milliseconds how long celery-node's own functions may take
 */
export function createRedisBackend(
  connection: Connection,
  globalKeyPrefix: string,
  milliseconds: number,
): ResultBackend {
  const readMeta = createMetaReader(connection, globalKeyPrefix, (payload) => ({ payload }));
  return {
    readResult: createResultReader(connection, globalKeyPrefix),
    async getTaskMeta(taskId) {
      const read = await readMeta(taskId, milliseconds);
      if ('reason' in read) {
        throw new Error(read.reason, { cause: read.cause });
      }
      return JSON.parse(String(read.payload)) as object;
    },
    storeResult: () => Promise.reject(new Error('Workers store results: none are stored here')),
    isReady: () => connection.untilReady(milliseconds),
    disconnect: () => connection.close(milliseconds),
  };
}
