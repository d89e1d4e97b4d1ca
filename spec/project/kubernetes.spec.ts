import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, parse } from 'yaml';
import { readConfig, type Config } from '../../src/config/config.js';
import { prepareChecks } from '../support/checks.js';
import { REPOSITORY } from '../support/fleet.js';

const PAGE = readFileSync(`${REPOSITORY}docs/operations.md`, 'utf8');
const FOLDER = `${REPOSITORY}kubernetes/`;
/** The Kubernetes whose schemas decide. */
const KUBERNETES = '1.37';
const KEY = 'a-key-of-this-spec-0123456789';

interface Probe {
  initialDelaySeconds?: number;
  periodSeconds?: number;
  httpGet?: { path: string; port: string };
}

interface Container {
  ports?: { name: string; containerPort: number }[];
  env?: { name: string; valueFrom: { secretKeyRef: { name: string; key: string } } }[];
  envFrom?: { configMapRef: { name: string } }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  resources?: { requests?: object; limits?: object };
  securityContext?: object;
  volumeMounts?: { name: string; mountPath: string }[];
}

interface Pod {
  terminationGracePeriodSeconds: number;
  securityContext: { runAsNonRoot?: boolean; runAsUser?: number };
  containers: [Container];
  volumes: {
    name: string;
    secret?: { secretName: string; items: { key: string; path: string }[] };
  }[];
}

interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { template?: { spec: Pod }; selector?: object; scaleTargetRef?: { name: string } };
}

const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
const manifests = files.flatMap((file) =>
  parseAllDocuments(readFileSync(`${FOLDER}${file}`, 'utf8')).map(
    (document) => document.toJS() as Manifest,
  ),
);

function find(kind: string, name: string): Manifest {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  assert.ok(found, `${kind} ${name}`);
  return found;
}

function podOf(name: string): Pod {
  const { spec } = find('Deployment', name);
  assert.ok(spec?.template);
  return spec.template.spec;
}

/** What the service makes of its pod's variables, with secrets that are there. */
async function configOf({ containers: [container], volumes }: Pod): Promise<Config> {
  const environment: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    Object.assign(environment, find('ConfigMap', configMapRef.name).data);
  }
  for (const { name } of container.env ?? []) {
    environment[name] = 'redis://redis.example:6379/0';
  }
  const keyFile = environment.API_KEYS_FILE ?? '';
  const mounts = (container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
    const items = volumes.find((volume) => volume.name === name)?.secret?.items ?? [];
    return items.map(({ path }) => `${mountPath}/${path}`);
  });
  assert.ok(mounts.includes(keyFile), `${keyFile} is not mounted`);
  assert.deepEqual(unknownVariables(Object.keys(environment)), []);
  const folder = await mkdtemp(join(tmpdir(), 'keys-'));
  try {
    const path = join(folder, 'api-keys');
    await writeFile(path, `frontend=${KEY}\n`);
    return readConfig({ ...environment, API_KEYS_FILE: path }, 'none');
  } finally {
    await rm(folder, { recursive: true });
  }
}

function unknownVariables(names: readonly string[]): string[] {
  const template = readFileSync(`${REPOSITORY}.env.template`, 'utf8');
  const known = [...template.matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => name);
  return names.filter((name) => name !== 'NODE_OPTIONS' && !known.includes(name));
}

describe('The manifests of kubernetes/', function () {
  this.timeout(300_000);

  it('fit Kubernetes’s own schemas, which know no other fields', async () => {
    const { binary } = await prepareChecks();
    const validate = (paths: readonly string[]) =>
      promisify(execFile)(binary('kubernetes-validate'), [
        ...['--strict', '--quiet', '-k', KUBERNETES],
        ...paths,
      ]);
    await validate(files.map((file) => `${FOLDER}${file}`));

    const folder = await mkdtemp(join(tmpdir(), 'manifests-'));
    try {
      const path = join(folder, 'bad.yaml');
      const good = readFileSync(`${FOLDER}worker.yaml`, 'utf8');
      for (const [right, wrong] of [
        ['replicas: 2', 'replica: 2'],
        ['replicas: 2', 'replicas: two'],
        ['readinessProbe:', 'readynessProbe:'],
      ] as const) {
        assert.ok(good.includes(right));
        await writeFile(path, good.replace(right, wrong));
        await assert.rejects(validate([path]), wrong);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('configure the service as it can be, with the variables that it has', async () => {
    const { apiKeys } = (await configOf(podOf('orchestrator'))).http;
    assert.deepEqual(
      apiKeys.map(({ name }) => name),
      ['frontend'],
    );
    assert.deepEqual(unknownVariables(['LOG_LEVEL', 'LOG_LEVELS']), ['LOG_LEVELS']);
  });

  it('probe open paths of the contract, on the port where the service listens', async () => {
    const pod = podOf('orchestrator');
    const [container] = pod.containers;
    const { port } = (await configOf(pod)).http;
    const { paths } = parse(readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8')) as {
      paths: Record<string, { get?: { operationId: string; security?: unknown } }>;
    };
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    assert.deepEqual(
      probes.map((probe) => paths[probe?.httpGet?.path ?? '']?.get?.operationId),
      ['getLiveness', 'getLiveness', 'getReadiness'],
    );
    for (const probe of probes) {
      const named = container.ports?.find(({ name }) => name === probe?.httpGet?.port);
      assert.equal(named?.containerPort, port);
      assert.equal(paths[probe?.httpGet?.path ?? '']?.get?.security, undefined);
    }
  });

  it('let a pod end in its own time', async () => {
    const pod = podOf('orchestrator');
    const { shutdownDelayMs, shutdownTimeoutMs } = (await configOf(pod)).process;
    assert.ok(shutdownDelayMs > 0);
    // Redis's goodbye, the last traces and the end of the log may take some seconds more.
    assert.ok(
      pod.terminationGracePeriodSeconds * 1000 >= shutdownDelayMs + shutdownTimeoutMs + 5_000,
    );
    const fleet = readFileSync(`${REPOSITORY}workers-py/worker/celery.py`, 'utf8');
    const limit = Number(/task_time_limit=(\d+)/.exec(fleet)?.[1]);
    assert.ok(podOf('worker').terminationGracePeriodSeconds > limit);
  });

  for (const name of ['orchestrator', 'worker']) {
    it(`let the ${name} do no more than it must`, () => {
      const { securityContext, containers } = podOf(name);
      assert.equal(securityContext.runAsNonRoot, true);
      assert.ok((securityContext.runAsUser ?? 0) > 0);
      for (const container of containers) {
        assert.deepEqual(container.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        for (const resources of [container.resources?.requests, container.resources?.limits]) {
          assert.deepEqual(Object.keys(resources ?? {}), ['cpu', 'memory']);
        }
      }
    });
  }

  it('use the secrets that docs/operations.md makes, and no others', () => {
    const [, name = '', options = ''] =
      /^kubectl create secret generic (\S+) \\\n(.*)$/m.exec(PAGE) ?? [];
    const made = [...options.matchAll(/--from-(?:literal|file)=([^=]+)=/g)].map(
      ([, key = '']) => `${name}/${key}`,
    );
    const pods = [podOf('orchestrator'), podOf('worker')];
    const used = pods.flatMap(({ containers: [{ env = [] }], volumes }) => [
      ...env.map(({ valueFrom: { secretKeyRef } }) => `${secretKeyRef.name}/${secretKeyRef.key}`),
      ...volumes.flatMap(({ secret }) =>
        secret ? secret.items.map(({ key }) => `${secret.secretName}/${key}`) : [],
      ),
    ]);
    assert.deepEqual([...new Set(used)].sort(), made.sort());
  });

  it('keep the address of Redis when docs/operations.md changes the API keys', async () => {
    const [, name = '', change = ''] =
      /^ *kubectl patch secret (\S+) --type merge \\\n *-p (".*")$/m.exec(PAGE) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'keys-'));
    try {
      // Longer than a line of base64.
      const keys = `frontend=${KEY}\nfrontend-2=${KEY}-2\nci=${KEY}-3\n`;
      await writeFile(join(folder, 'api-keys'), keys);
      const print = ['-ec', `printf %s ${change}`];
      const { stdout } = await promisify(execFile)('bash', print, { cwd: folder });
      assert.deepEqual(JSON.parse(stdout), {
        data: { 'api-keys': Buffer.from(keys).toString('base64') },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
    const secrets = PAGE.match(/\bsecret generic \w+/g);
    assert.deepEqual(secrets, [`secret generic ${name}`], 'only the first one is made whole');
  });

  it('find out soon that a worker is ready', () => {
    const { initialDelaySeconds = 0, periodSeconds = 10 } =
      podOf('worker').containers[0].readinessProbe ?? {};
    assert.ok(initialDelaySeconds + periodSeconds <= 30);
  });
});
