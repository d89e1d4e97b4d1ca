import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import type { RedisAddress } from '../../src/redis/address.js';
import { connectionOptions } from '../../src/redis/connection.js';
import { ConfigError, readConfig, type Config } from '../../src/config/config.js';
import { withoutCredentials } from '../../src/log/lines.js';
import { REPOSITORY } from '../support/fleet.js';

function read(environment: Record<string, string | undefined>): Config {
  return readConfig(environment, '/logs/automation.log');
}

function addressOf(url: string): RedisAddress {
  return read({ REDIS_URL: url }).redis.broker.address;
}

function faultsOf(environment: Record<string, string>): string {
  try {
    read(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  throw new assert.AssertionError({ message: 'The configuration was taken' });
}

describe('readConfig', () => {
  it('gives every value a default that works', () => {
    const config = read({});
    assert.equal(config.redis.broker.address.url, 'redis://localhost:6379/0');
    assert.equal(config.redis.backend.address.url, 'redis://localhost:6379/0');
    assert.equal(config.http.port, 8000);
    assert.equal(config.http.rootPath, '');
    assert.deepEqual(config.log, { level: 'INFO', file: '/logs/automation.log' });
    assert.deepEqual(config.tasks.routing.namespaces, ['worker']);
  });

  it('counts an empty variable as unset', () => {
    const names = Object.keys(parseEnv(readFileSync(`${REPOSITORY}.env.template`, 'utf8')));
    assert.deepEqual(read(Object.fromEntries(names.map((name) => [name, ' ']))), read({}));
  });

  it('describes every variable in .env.template, none with a value', () => {
    const template = parseEnv(readFileSync(`${REPOSITORY}.env.template`, 'utf8'));
    const asked = new Set<string>();
    read(
      new Proxy<Record<string, string>>(
        {},
        {
          get(_environment, name) {
            asked.add(String(name));
            return undefined;
          },
        },
      ),
    );
    assert.deepEqual(Object.keys(template).sort(), [...asked].sort());
    assert.deepEqual(new Set(Object.values(template)), new Set(['']));
  });

  it('exports traces where a collector is named, and says what it can’t do', () => {
    const endpoint = 'http://localhost:4318';
    assert.equal(read({}).tracing.exportsSpans, false);
    assert.equal(read({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).tracing.exportsSpans, true);
    assert.equal(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint }).tracing.exportsSpans, true);
    for (const off of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
      assert.equal(
        read({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...off }).tracing.exportsSpans,
        false,
      );
    }
    const message = faultsOf({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'user:secret@localhost:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_EXPORTER: 'zipkin',
    });
    assert.match(message, /OTEL_EXPORTER_OTLP_ENDPOINT must be a URL with http:/);
    assert.match(message, /OTEL_EXPORTER_OTLP_PROTOCOL must be http\/json, .*"grpc"/);
    assert.match(message, /OTEL_TRACES_EXPORTER must be otlp or none/);
    assert.doesNotMatch(message, /secret/);
  });

  it('lists every bad variable in one error, quoting what was received', () => {
    const message = faultsOf({
      FASTAPI_PORT: '80000',
      LOG_LEVEL: 'verbose',
      ASSIGN_TIMEOUT_MS: '2s',
      BODY_LIMIT_BYTES: '-1',
      ROOT_PATH: 'no-slash',
      TASK_ROUTES: 'automation.*',
      CORS_ORIGINS: 'app.example.com',
      TRUST_PROXY: 'everyone',
      REDIS_URL: 'http://localhost',
    });
    const names = message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(' ')[0]);
    assert.deepEqual(names.sort(), [
      'ASSIGN_TIMEOUT_MS',
      'BODY_LIMIT_BYTES',
      'CORS_ORIGINS',
      'FASTAPI_PORT',
      'LOG_LEVEL',
      'REDIS_URL',
      'ROOT_PATH',
      'TASK_ROUTES',
      'TRUST_PROXY',
    ]);
    assert.match(
      message,
      /FASTAPI_PORT must be a whole number from 0 to 65535 \(received: "80000"\)/,
    );
  });

  it('takes credentials of pages whose origins are listed alone', () => {
    const origins = { CORS_ORIGINS: 'https://a.example.com' };
    assert.equal(read(origins).http.cors.credentials, false);
    assert.equal(read({ ...origins, CORS_CREDENTIALS: 'true' }).http.cors.credentials, true);
    for (const any of [{}, { CORS_ORIGINS: '*' }]) {
      assert.match(faultsOf({ ...any, CORS_CREDENTIALS: 'true' }), /CORS_CREDENTIALS .* a list/);
    }
  });

  const badUrls = [
    'localhost:6379',
    'redis://',
    'redis:///0',
    'redis://user:se/cr@t@host/0',
    'redis://:secr%E9t@host/0',
    'redis://:secret@host/zero',
    'redis://:secret@host:99999/0',
    'amqp://:secret@host',
    'sentinel://:secret@host/0;redis://other/0',
    'sentinel://:secret@host/0;sentinel://other/1',
    'sentinel://:secret@host/0?ssl_cert_reqs=none',
    'sentinel://:secret@host/0;sentinel://',
    'rediss://:secret@host?ssl_cert_reqs=CERT_MAYBE',
    'rediss://:secret@host?ssl_ca_certs=/no/such/file',
    `rediss://:secret@host?ssl_certfile=${REPOSITORY}package.json`,
  ];
  for (const url of badUrls) {
    it(`refuses ${withoutCredentials(url)} as a Redis URL without showing a password`, () => {
      const message = faultsOf({ REDIS_URL: url });
      assert.match(message, /^ {2}REDIS_URL /m);
      assert.doesNotMatch(message, /secr|cr@t/);
    });
  }

  for (const [url, fault] of [
    [
      'localhost:6379',
      'must start with redis://, rediss://, sentinel://, redis.socket:// or unix://',
    ],
    ['user:secret@host', 'must start with redis://'],
    ['amqp://:secret@/x', 'must start with .* or unix://, not amqp://'],
    ['http:///zero', 'must start with .*, not http://'],
    ['redis:///zero', 'names no host'],
    ['redis://:secret@', 'names no host'],
    ['redis://:secret@:6379/0', 'names no host'],
    ['redis://:secret@host:99999/zero', 'must have a port from 0 to 65535'],
    ['redis://:secret@host/zero', 'must end with the number of a database'],
    ['redis://:secret@host///0', 'must end with the number of a database'],
    ['redis://host?db=2', 'must end with the number of a database, such as /2, rather than'],
    ['rediss://host/zero?ssl_cert_reqs=maybe', 'must end with the number of a database'],
    ['sentinel://one/zero;redis://other/0', 'must have sentinel:// before the address of each'],
    ['sentinel:///zero;sentinel://other', 'names no host'],
    ['redis+socket://:secret@', "must have a socket's whole path, such as redis.socket:///run"],
    ['redis+socket://run/redis.sock', "must have a socket's whole path"],
    ['redis+socket:///run/redis.sock?virtual_host=two', 'must name .* by .virtual_host='],
    ['redis+socket:///run/redis.sock?db=2', 'must name .* by .virtual_host='],
    ['unix:///run/redis.sock?virtual_host=2', 'must name .* by .db='],
    ['unix:///run/redis.sock?db=/x', 'must name .* by .db='],
  ] as const) {
    it(`names the first fault of ${withoutCredentials(url)}: scheme, host, database`, () => {
      const message = faultsOf({ REDIS_URL: url });
      assert.match(message, new RegExp(`^ {2}REDIS_URL ${fault}`, 'm'));
      assert.doesNotMatch(message, /secr/);
    });
  }

  const unencoded = [
    ...['/', '#', '?'].flatMap((character) => [
      `redis://:secr${character}t@host/0`,
      `redis://user${character}secr@host/0`,
      `redis://user:12${character}secr@host/0`,
      `rediss://:secr${character}t@host/0?ssl_cert_reqs=none`,
      `sentinel://:secr${character}t@host/0`,
      `redis+socket://:secr${character}t@/run/redis.sock`,
      `unix://user:secr${character}t@/run/redis.sock`,
    ]),
    ...['redis://:se/cr@t@host/0', 'redis://:secr%t@host/0', 'unix://:secr%t@/run/redis.sock'],
    // What is left of a # that is not quoted in `.env`.
    'redis://:secr',
  ];
  for (const url of unencoded) {
    it(`says how to write the password of ${url.replace(/secr/, '***')}`, () => {
      const message = faultsOf({ REDIS_URL: url });
      assert.match(message, /write \/ as %2F, @ as %40, # as %23, \? as %3F and % as %25/);
      assert.doesNotMatch(message, /secr/);
    });
  }

  it('takes an @ in a password, as Python does', () => {
    assert.equal(addressOf('redis://:p@ss@host/0').url, 'redis://:p%40ss@host/0');
  });

  it('reads a database as kombu does', () => {
    for (const [end, database] of [
      ...(['', '/', '//', '/0', '//0', '/%2F0'] as const).map((text) => [text, 0] as const),
      ...([
        ['/3', 3],
        ['//3', 3],
      ] as const),
    ] as const) {
      for (const scheme of ['redis', 'rediss', 'sentinel']) {
        const environment = { REDIS_URL: `${scheme}://host${end}`, REDIS_MASTER_NAME: 'mymaster' };
        const { url, database: read_ } = read(environment).redis.broker.address;
        assert.equal(read_, database);
        assert.match(url, new RegExp(`^rediss?://host/${database}$`));
      }
    }
  });

  it('reads sockets as kombu and redis-py have them', () => {
    const path = '/run/a b.sock';
    for (const [url, database] of [
      ['redis+socket:///run/a%20b.sock', 0],
      ['redis+socket:///run/a%20b.sock?virtual_host=2', 2],
      ['redis+socket:///run/a%20b.sock?virtual_host=/2', 2],
      ['UNIX:///run/a b.sock?db=2&health_check_interval=3', 2],
    ] as const) {
      const address = addressOf(url);
      assert.deepEqual(address.options, { path });
      assert.equal(address.url, `redis://localhost/${database}`);
    }
    const { url, label } = addressOf('unix://us:p%40ss@/run/redis.sock?db=2');
    assert.equal(url, 'redis://us:p%40ss@localhost/2');
    assert.equal(label, 'unix:///run/redis.sock?db=2');
    const query = addressOf('unix:///run/redis.sock?username=us&password=p%40s%25s');
    assert.equal(query.url, 'redis://us:p%40s%25s@localhost/0');
  });

  it('takes the broker and the backend apart from REDIS_URL', () => {
    const config = read({
      REDIS_URL: 'redis://one/1',
      CELERY_BROKER_URL: 'redis://two/2',
    });
    assert.equal(config.redis.broker.address.url, 'redis://two/2');
    assert.equal(config.redis.backend.address.url, 'redis://one/1');
  });

  it('reads the addresses of sentinels as Celery has them', () => {
    const { sentinel, broker: store } = read({
      REDIS_URL: 'sentinel://:p%40ss@one:26380/3;sentinel://[::1]/3 ; ',
      REDIS_MASTER_NAME: 'mymaster',
      REDIS_SENTINEL_PASSWORD: 'theirs',
    }).redis;
    const broker = store.address;
    assert.deepEqual(broker.options.sentinels, [
      { host: 'one', port: 26380 },
      { host: '::1', port: 26379 },
    ]);
    assert.equal(broker.url, 'redis://:p%40ss@one:26380/3');
    assert.equal(broker.label, 'sentinel://one:26380/3;sentinel://[::1]/3');
    assert.equal(broker.database, 3);
    assert.deepEqual(sentinel, {
      masterName: 'mymaster',
      username: undefined,
      password: 'theirs',
    });
  });

  it('wants the name of the master with the addresses of sentinels', () => {
    assert.match(
      faultsOf({ CELERY_RESULT_BACKEND: 'sentinel://one/0', LOG_LEVEL: 'loud' }),
      /REDIS_MASTER_NAME is required with sentinel:/,
    );
  });

  it('reads TLS as Celery has it', () => {
    const tls = (query: string) => addressOf(`rediss://host/0${query}`).options.tls;
    assert.equal(tls('')?.rejectUnauthorized, true);
    assert.equal(tls('?ssl_cert_reqs=CERT_REQUIRED')?.rejectUnauthorized, true);
    assert.equal(tls('?ssl_cert_reqs=none')?.rejectUnauthorized, false);
    assert.equal(tls('?ssl_cert_reqs=CERT_NONE')?.rejectUnauthorized, false);
    assert.equal(addressOf('rediss://host?ssl_cert_reqs=none').url, 'rediss://host/0');
  });

  it('lets a certificate name another host where ssl_check_hostname says so', () => {
    const checkOf = (query: string) => {
      const { broker, sentinel } = read({ REDIS_URL: `rediss://host/0${query}` }).redis;
      return connectionOptions(broker.address, { sentinel, silenceMs: 500 }).tls
        ?.checkServerIdentity;
    };
    assert.equal(checkOf(''), undefined);
    assert.equal(checkOf('?ssl_check_hostname=true'), undefined);
    assert.equal(typeof checkOf('?ssl_check_hostname=False'), 'function');
  });

  it('gives what can be handed to another process as it is', () => {
    const config = read({
      REDIS_URL: 'rediss://host/0?ssl_check_hostname=false',
      API_KEYS: 'ours=our-secret-0123456789',
    });
    assert.deepEqual(deserialize(serialize(config)), config);
  });

  it('lets a sender choose the queues of the routes, or those of TASK_QUEUES', () => {
    assert.deepEqual(read({}).tasks.queues, ['automation_queue', 'worker_queue']);
    const routes = { TASK_ROUTES: 'a.*=first,b.*=second,c.*=first', TASK_QUEUE: 'third' };
    assert.deepEqual(read(routes).tasks.queues, ['first', 'second', 'third']);
    const { queues } = read({ ...routes, TASK_QUEUES: 'second, other' }).tasks;
    assert.deepEqual(queues, ['second', 'other']);
    assert.match(faultsOf({ TASK_QUEUES: 'a b' }), /TASK_QUEUES must be a queue name/);
    assert.match(faultsOf({ VISIBILITY_TIMEOUT: '0' }), /VISIBILITY_TIMEOUT must be a whole/);
  });

  it('takes routes and namespaces as lists', () => {
    const { routing } = read({
      TASK_PREFIX: 'fleet',
      TASK_ROUTES: ' fleet.*=a , *.urgent = b ,',
    }).tasks;
    assert.deepEqual(routing.namespaces, ['fleet']);
    assert.deepEqual(routing.routes, [
      { pattern: 'fleet.*', queue: 'a' },
      { pattern: '*.urgent', queue: 'b' },
    ]);
  });

  it('takes none for no routes: all tasks have one queue', () => {
    const { tasks } = read({ TASK_ROUTES: 'none', TASK_QUEUE: 'celery' });
    assert.deepEqual([tasks.routing.routes, tasks.queues], [[], ['celery']]);
  });

  it('names lists as the workers do', () => {
    const { separator, prioritySteps } = read({}).redis.broker;
    assert.deepEqual([separator, prioritySteps], ['\x06\x16', [0, 3, 6, 9]]);
    const other = { CELERY_BROKER_SEP: ':', CELERY_BROKER_PRIORITY_STEPS: '0, 5' };
    const { broker } = read(other).redis;
    assert.deepEqual([broker.separator, broker.prioritySteps], [':', [0, 5]]);
    for (const steps of ['1,2', '0,0', '0,5,3', '0,10', ',']) {
      assert.match(
        faultsOf({ CELERY_BROKER_PRIORITY_STEPS: steps }),
        /PRIORITY_STEPS must be /,
        steps,
      );
    }
    assert.match(faultsOf({ CELERY_BROKER_SEP: 'a b' }), /CELERY_BROKER_SEP must be visible ASCII/);
  });

  it('takes every name of a task with TASK_NAMESPACES=*, and no namespace beside it', () => {
    assert.equal(read({ TASK_NAMESPACES: '*' }).tasks.routing.namespaces, '*');
    assert.match(
      faultsOf({ TASK_NAMESPACES: 'worker, *' }),
      /TASK_NAMESPACES must be either \* or/,
    );
  });

  it('takes a form of params for all tasks, or forms by their names', () => {
    const forms = (text?: string) => read({ TASK_PARAMS_AS: text }).tasks.routing.paramsAs;
    assert.deepEqual(forms(), [{ pattern: '*', form: 'argument' }]);
    assert.deepEqual(forms('kwargs'), [{ pattern: '*', form: 'kwargs' }]);
    assert.deepEqual(forms('billing.*=kwargs, legacy.*=argument'), [
      { pattern: 'billing.*', form: 'kwargs' },
      { pattern: 'legacy.*', form: 'argument' },
    ]);
    for (const text of ['args', 'billing.*=args', '=kwargs', 'a=b=kwargs', 'billing.*=']) {
      assert.match(
        faultsOf({ TASK_PARAMS_AS: text }),
        /TASK_PARAMS_AS must be argument, kwargs, or/,
      );
    }
  });

  it("takes names of Celery's own tasks as TASK_BUILTINS", () => {
    const text = 'celery.backend_cleanup';
    assert.deepEqual(read({ TASK_BUILTINS: text }).tasks.routing.builtins, [text]);
    for (const wrong of ['worker.a', 'celery', 'celery.*', 'celery.a b']) {
      assert.match(
        faultsOf({ TASK_BUILTINS: wrong }),
        /TASK_BUILTINS must be names of Celery's own/,
      );
    }
  });

  for (const name of ['TASK_PREFIX', 'TASK_NAMESPACES']) {
    it(`refuses Celery's own tasks as ${name}`, () => {
      for (const text of ['celery', 'celery.backend']) {
        assert.match(
          faultsOf({ [name]: text }),
          new RegExp(`${name} must not be celery: a client`),
        );
      }
      assert.doesNotThrow(() => read({ [name]: 'celery_fleet' }));
    });
  }

  it('holds limits that depend on each other against each other', () => {
    assert.match(
      faultsOf({ HEADERS_TIMEOUT_MS: '61000' }),
      /HEADERS_TIMEOUT_MS must not be more than REQUEST_TIMEOUT_MS, which is 60000 \(/,
    );
    assert.match(
      faultsOf({ MAX_BYTES_IN_FLIGHT: '1000' }),
      /MAX_BYTES_IN_FLIGHT must not be less than BODY_LIMIT_BYTES, which is 1048576 \(/,
    );
    assert.match(
      faultsOf({ REQUEST_TIMEOUT_MS: '0' }),
      /REQUEST_TIMEOUT_MS must be a whole number/,
    );
    assert.match(faultsOf({ JSON_MAX_DEPTH: '401' }), /JSON_MAX_DEPTH must be .* from 1 to 400/);
    assert.equal(read({ REQUEST_TIMEOUT_MS: '5000' }).http.headersTimeoutMs, 5_000);
    assert.equal(read({ BODY_LIMIT_BYTES: '99999999' }).http.inFlight.bytes, 99_999_999);
  });

  it('takes what Express takes for its proxies', () => {
    const cases: [string, boolean | number | string][] = [
      ['true', true],
      ['FALSE', false],
      ['2', 2],
      ['loopback, 10.0.0.0/8', 'loopback, 10.0.0.0/8'],
    ];
    for (const [text, value] of cases) {
      assert.equal(read({ TRUST_PROXY: text }).http.trustProxy, value);
    }
  });

  for (const text of ['everyone', '1.2.3', '10.0.0.0/99', '10.0.0.0/8/8', '::1/129', '::1,,::2']) {
    it(`refuses ${text} as TRUST_PROXY`, () => {
      assert.match(faultsOf({ TRUST_PROXY: text }), /TRUST_PROXY must be/);
    });
  }

  it('takes the names of Python’s levels, with its aliases', () => {
    for (const [text, level] of [
      ['debug', 'DEBUG'],
      ['WARN', 'WARNING'],
      ['warn', 'WARNING'],
      ['FATAL', 'CRITICAL'],
    ]) {
      assert.equal(read({ LOG_LEVEL: text }).log.level, level);
    }
    assert.match(faultsOf({ LOG_LEVEL: 'W' }), /LOG_LEVEL must be one of CRITICAL, ERROR, /);
  });

  it('says what is wrong with an origin', () => {
    for (const [text, fault] of [
      ['https://a.example,https://b.example/', 'not have a slash at the end .* https://b.example '],
      ['http://localhost:3000/', 'not have a slash at the end .*: write http://localhost:3000 '],
      ['https://A.example', 'have origins as browsers send them: write https://a.example '],
      ['https://a.example:443', 'have origins as browsers send them: write https://a.example '],
      ['https://a.example/app', 'have origins as browsers send them: write https://a.example '],
      ['a.example', 'be . or a list of origins'],
      ['["https://a.example"]', 'be . or a list of origins'],
      ['https://a.example,*', 'be . or a list of origins'],
      ['localhost:3000', 'be . or a list of origins'],
    ] as const) {
      const message = faultsOf({ CORS_ORIGINS: text });
      assert.match(message, new RegExp(`CORS_ORIGINS must ${fault}`));
      assert.ok(message.endsWith(`(received: ${JSON.stringify(text)})`));
    }
  });

  it('tells variables that look like misspelt ones, and no others', () => {
    const { misspelt } = read({
      LOG_LEVEL: 'INFO',
      LOGLEVEL: 'DEBUG',
      CORS_ORIGIN: '*',
      REDIS_URI: 'redis://one',
      API_KEYES: 'a=secret-0123456789-secret',
      task_prefix: 'fleet',
      'FASTAPI-PORT': '8001',
      TASK_QUEUES: 'one',
      OTEL_LOGS_EXPORTER: 'none',
      REDIS_HOST: 'one',
      PATH: '/bin',
    });
    assert.deepEqual(misspelt, [
      'LOGLEVEL (LOG_LEVEL?)',
      'CORS_ORIGIN (CORS_ORIGINS?)',
      'REDIS_URI (REDIS_URL?)',
      'API_KEYES (API_KEYS?)',
      'task_prefix (TASK_PREFIX?)',
      'FASTAPI-PORT (FASTAPI_PORT?)',
    ]);
    const text = ['docker-compose.yml', '.env.template', 'README.md', 'docs/operations.md']
      .map((file) => readFileSync(`${REPOSITORY}${file}`, 'utf8'))
      .join('');
    const names: readonly string[] = text.match(/\b[A-Z]+(_[A-Z]+)+\b/g) ?? [];
    assert.ok(names.includes('WORKER_REPLICAS') && names.includes('STOP_GRACE_PERIOD'));
    const environment = Object.fromEntries(names.map((name) => [name, '']));
    assert.deepEqual(read(environment).misspelt, []);
  });

  it('can’t be changed', () => {
    const config = read({});
    assert.throws(() => {
      (config.tasks.routing as { queue: string }).queue = 'other';
    }, TypeError);
  });
});

describe('withoutCredentials', () => {
  for (const [text, expected] of [
    ['at redis://user:pass@host:1/0', 'at redis://***@host:1/0'],
    ['redis://:p@ss:w/rd@host', 'redis://***@host'],
    ["redis://:pa'ss@host", 'redis://***@host'],
    ['{"url":"rediss://:a@b"} redis://:c@d', '{"url":"rediss://***@b"} redis://***@d'],
    ['mail a@b, redis://host/0', 'mail a@b, redis://host/0'],
    ['x'.repeat(1_000_000), 'x'.repeat(1_000_000)],
    ['://'.repeat(10_000), '://'.repeat(10_000)],
  ] as const) {
    it(`makes ${expected.slice(0, 60)}`, () => {
      assert.equal(withoutCredentials(text), expected);
    });
  }
});
