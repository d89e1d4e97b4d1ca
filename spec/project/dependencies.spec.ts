import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { RECIPES } from '../../clients/languages.js';
import { prepareChecks } from '../support/checks.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import { licencesPage, servicePackages, workerPackages } from '../support/licences.js';

const run = promisify(execFile);

/** Licences that ask for no more than their own text; certifi's is the exception. */
const ALLOWED = [
  ...[
    'MIT',
    'ISC',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'Apache-2.0',
    'PSF-2.0',
    'Python-2.0',
    'MPL-2.0',
  ],
];

function read(path: string): string {
  return readFileSync(`${REPOSITORY}${path}`, 'utf8');
}

const project = JSON.parse(read('package.json')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
};

/** Every file of Python's requirements in the repository, by how its name ends. */
function requirements(ending: 'in' | 'txt'): string[] {
  const folders = readdirSync(REPOSITORY, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && !['node_modules', 'dist', '.git'].includes(entry.name),
    )
    .map(({ name }) => name);
  return folders.flatMap((folder) =>
    readdirSync(`${REPOSITORY}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((path) => !path.includes('.venv'))
      .filter((path) => new RegExp(`^requirements[\\w-]*\\.${ending}$`).test(basename(path)))
      .map((path) => `${folder}/${path}`),
  );
}

/** The names before `==` or at the beginning of a line. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/^([a-z][\w.-]*)/gim)].map(([, name = '']) => name);
}

/** The requirements of a lock file without a hash. */
function unpinned(lock: string): string[] {
  return lock
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .filter((line) => !/^\S+==\S+ .*--hash=sha256:/.test(line));
}

/** The packages of a package-lock.json that want to run something when they are installed, but for those named. */
function scripted(lock: string, allowed: readonly string[]): string[] {
  const { packages } = JSON.parse(lock) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { hasInstallScript }]) => path !== '' && hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
    .filter((name) => !allowed.includes(name));
}

describe('The dependencies', function () {
  this.timeout(300_000);

  it('are each explained in docs/dependencies.md, which explains no others', () => {
    const explained = [...read('docs/dependencies.md').matchAll(/^\| (`.*?) *\|/gm)].flatMap(
      ([, cell = '']) => cell.split(', ').map((name) => name.replaceAll('`', '')),
    );
    const pythons = requirements('in').flatMap((path) => namesIn(read(path)));
    const all = [
      ...Object.keys({ ...project.dependencies, ...project.devDependencies }),
      ...new Set(pythons),
    ];
    assert.deepEqual(explained.sort(), all.sort());
  });

  it('run nothing when they are installed, unless they are named', async () => {
    const allowed = Object.keys(project.allowScripts);
    assert.deepEqual(scripted(read('package-lock.json'), allowed), []);
    assert.deepEqual(scripted(read('clients/typescript/package-lock.json'), []), []);
    const kitchen = { folder: '', contract: '', environment: {}, say: () => undefined };
    const recipe = await RECIPES.typescript(kitchen);
    assert.ok(typeof recipe !== 'string');
    for (const [, [command, what, ...options]] of recipe.steps) {
      if (command === 'npm' && what === 'ci') assert.ok(options.includes('--ignore-scripts'));
    }
    const lock =
      '{"packages": {"": {}, "node_modules/a/node_modules/b": {"hasInstallScript": true}}}';
    assert.deepEqual(scripted(lock, []), ['b']);
    assert.deepEqual(scripted(lock, ['b']), []);
    assert.match(read('.npmrc'), /^strict-allow-scripts=true$/m);
  });

  it('come into the images without scripts, and by their hashes', () => {
    const installs = (path: string, pattern: RegExp): string[] => read(path).match(pattern) ?? [];
    for (const line of installs('Dockerfile', /^RUN .*\bnpm (?:ci|install)\b.*$/gm)) {
      assert.match(line, /--ignore-scripts/);
    }
    const pip = installs('workers-py/Dockerfile', /^RUN .*\bpip install\b.*$/gm);
    assert.equal(pip.length, 2);
    for (const line of pip) {
      assert.match(line, /--require-hashes --only-binary :all:/);
    }
  });

  it('are pinned by hashes, all that come along too, where they are Python’s', () => {
    const locks = requirements('txt');
    assert.deepEqual(
      locks.map((path) => path.replace(/txt$/, 'in')),
      requirements('in'),
    );
    for (const path of locks) {
      const lock = read(path);
      assert.deepEqual(unpinned(lock), [], path);
      const missing = namesIn(read(path.replace(/txt$/, 'in'))).filter(
        (name) => !namesIn(lock).includes(name),
      );
      assert.deepEqual(missing, [], `${path}: npm run lock:python`);
    }
    assert.deepEqual(unpinned('a==1 \\\n    --hash=sha256:0\nb==1\nc>=1 --hash=sha256:0\n'), [
      'b==1',
      'c>=1 --hash=sha256:0',
    ]);
  });

  it('have licences that ask for little, listed in docs/licences.md', async () => {
    const { python } = theFleet();
    const refused = [...servicePackages(), ...(await workerPackages(python))].filter(
      ({ licence }) => !licence.split(/ (?:AND|OR) /).every((one) => ALLOWED.includes(one)),
    );
    assert.deepEqual(refused, []);
    assert.equal(read('docs/licences.md'), await licencesPage(python), 'npm run licences');
  });

  it('are all in the bills of materials', async () => {
    await prepareChecks();
    await run('npm', ['run', 'sbom'], { cwd: REPOSITORY });
    const components = (name: string): { name: string; version: string; purl?: string }[] => {
      const bill = JSON.parse(read(`sbom/${name}.cdx.json`)) as {
        bomFormat: string;
        components: { name: string; version: string; purl?: string }[];
      };
      assert.equal(bill.bomFormat, 'CycloneDX');
      return bill.components;
    };
    const service = components('service').map(({ purl }) => purl?.replace(/@[^@]*$/, ''));
    const wanted = servicePackages().map(({ name }) => `pkg:npm/${name.replace('@', '%40')}`);
    assert.ok(wanted.includes('pkg:npm/redoc') && wanted.includes('pkg:npm/react'));
    assert.deepEqual([...new Set(service)].sort(), [...new Set(wanted)].sort());
    assert.ok(components('build').some(({ name }) => name === 'mocha'));

    const namesOf = (bill: string): string[] => components(bill).map(({ name }) => name);
    const workers = await workerPackages(theFleet().python);
    // Each once, and nothing that is for other Pythons or machines.
    assert.deepEqual(namesOf('flower').sort(), workers.map(({ name }) => name).sort());
    assert.deepEqual(
      namesOf('flower').filter((name) => !namesOf('workers').includes(name)),
      ['flower', 'humanize', 'prometheus-client', 'pytz', 'tornado'],
    );
    for (const bill of ['workers', 'flower']) {
      for (const { name, version, purl } of components(bill)) {
        assert.equal(purl, `pkg:pypi/${name}@${version}`);
      }
    }
  });

  it('have their notices beside the scripts that they are in', () => {
    const folder = 'dist/pages/';
    const scripts = ['docs', 'redoc'].flatMap((page) =>
      readdirSync(`${REPOSITORY}${folder}${page}`)
        .filter((name) => name.endsWith('.js'))
        .map((name) => `${page}/${name}`),
    );
    const named = scripts.flatMap((name) => {
      const [, notices] =
        /^\/\*! For license information please see (\S+) \*\//.exec(read(folder + name)) ?? [];
      return notices ?? [];
    });
    assert.ok(named.includes('redoc.standalone.js.LICENSE.txt'));
    for (const name of named) {
      assert.match(read(folder + name), /Copyright|@license/, name);
    }
  });
});
