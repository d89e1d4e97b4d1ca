import request, { type Test } from 'supertest';
import { readConfig } from '../../src/config/config.js';
import type { Log } from '../../src/log/log.js';
import { startService } from '../../src/service/service.js';
import { checkAgainstContract } from './contractCheck.js';
import { theFleet } from './fleet.js';

export interface LogLine {
  level: keyof Log;
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

/** A running service whose every answer is held against the contract. */
export interface TestService {
  url: string;
  get: (path: string) => Test;
  post: (path: string) => Test;
  request: (method: 'head' | 'options' | 'put' | 'delete', path: string) => Test;
  /** Assigns and gives the task's id. */
  assign: (taskType: string, params?: object) => Promise<string>;
  lines: LogLine[];
  close: () => Promise<void>;
}

/** Starts the service in this process, on a free port, with the fleet's Redis unless `environment` says otherwise. */
export async function startTestService(
  environment: Readonly<Record<string, string>> = {},
  overrides: { contract?: URL } = {},
): Promise<TestService> {
  const config = readConfig(
    {
      REDIS_URL: theFleet().redis.url,
      FASTAPI_HOST: '127.0.0.1',
      FASTAPI_PORT: '0',
      ...environment,
    },
    'none',
  );
  const lines: LogLine[] = [];
  const service = await startService(config, collectingLog(lines), overrides);
  const url = `http://127.0.0.1:${service.port}`;
  const checked = (test: Test): Test => test.expect(checkAgainstContract(config.http.rootPath));
  const post = (path: string): Test => checked(request(url).post(path));

  return {
    url,
    get: (path) => checked(request(url).get(path)),
    post,
    request: (method, path) => checked(request(url)[method](path)),
    async assign(taskType, params) {
      const response = await post('/assign-task/')
        .send({ task_type: taskType, params })
        .expect(200);
      return (response.body as { task_id: string }).task_id;
    },
    lines,
    close: service.close,
  };
}

function collectingLog(lines: LogLine[]): Log {
  const at =
    (level: keyof Log): Log[keyof Log] =>
    (message, fields = {}) => {
      lines.push({ level, message, fields });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
  };
}
