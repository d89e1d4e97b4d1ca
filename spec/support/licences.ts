import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { PythonEnvironment } from '../../stack/python.js';
import { REPOSITORY, WORKERS_FOLDER } from './fleet.js';

/** A package that runs in production, and its licence as an SPDX expression. */
export interface Licensed {
  name: string;
  licence: string;
}

interface LockedPackage {
  name?: string;
  dev?: boolean;
  license?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** By path, such as node_modules/a/node_modules/b; that of the project itself is empty. */
type LockedPackages = Readonly<Record<string, LockedPackage>>;

/** Those of the service, as package-lock.json has them: what is installed, and what ReDoc's script has inside. */
export function servicePackages(): Licensed[] {
  const { packages } = JSON.parse(readFileSync(`${REPOSITORY}package-lock.json`, 'utf8')) as {
    packages: LockedPackages;
  };
  // The build copies ReDoc's script into the service.
  const inScript = neededBy('node_modules/redoc', packages);
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && (dev !== true || inScript.has(path)))
    .map(([path, { name, license = 'none' }]) => {
      const called = name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return { name: called, licence: OF_PACKAGES[called] ?? license.replace(/^\((.*)\)$/, '$1') };
    });
}

/** The paths of a package and of all that comes along with it. */
function neededBy(path: string, packages: LockedPackages, found = new Set<string>()): Set<string> {
  const locked = packages[path];
  if (locked === undefined || found.has(path)) return found;
  found.add(path);
  const { peerDependenciesMeta: about = {}, ...needs } = locked;
  const peers = Object.keys(needs.peerDependencies ?? {}).filter((name) => !about[name]?.optional);
  for (const name of [
    ...Object.keys({ ...needs.dependencies, ...needs.optionalDependencies }),
    ...peers,
  ]) {
    neededBy(foundFrom(path, name, packages), packages, found);
  }
  return found;
}

/** The path of the package that one of this path gets by this name: the nearest, as Node.js looks for it. */
function foundFrom(path: string, name: string, packages: LockedPackages): string {
  const own = `${path}/node_modules/${name}`;
  if (own in packages) return own;
  const above = path.lastIndexOf('/node_modules/');
  return above < 0 ? `node_modules/${name}` : foundFrom(path.slice(0, above), name, packages);
}

/** Whose package.json names none, or a family of them: as their file LICENSE has it. */
const OF_PACKAGES: Readonly<Record<string, string>> = {
  decko: 'MIT',
  stickyfill: 'MIT',
  'url-template': 'BSD-3-Clause',
};

/** Older packages name their licence in words, or by a classifier alone. */
const IN_SPDX: Readonly<Record<string, string>> = {
  BSD: 'BSD-3-Clause',
  'BSD License': 'BSD-3-Clause',
  'New BSD': 'BSD-3-Clause',
  'MIT License': 'MIT',
  // python-dateutil's, as its file LICENSE says.
  'Dual License': 'Apache-2.0 AND BSD-3-Clause',
};

const READ = `
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    data = importlib.metadata.metadata(name)
    classifiers = [c.split(" :: ")[-1] for c in data.get_all("Classifier", []) if c.startswith("License ::")]
    short = (data.get("License") or "").strip()
    found[name] = data.get("License-Expression") or (short if 0 < len(short) < 40 else "") or " AND ".join(classifiers)
print(json.dumps(found))
`;

/** Those of the workers and of Flower, as they are installed. */
export async function workerPackages({ python }: PythonEnvironment): Promise<Licensed[]> {
  const names = everywhere(readFileSync(`${WORKERS_FOLDER}/requirements-flower.txt`, 'utf8'));
  const { stdout } = await promisify(execFile)(python, ['-c', READ, ...names]);
  return Object.entries(JSON.parse(stdout) as Record<string, string>).map(([name, licence]) => ({
    name,
    licence: IN_SPDX[licence] ?? licence,
  }));
}

/** The packages of a lock that every Python needs: what some need has one line, which says which ones. */
function everywhere(lock: string): string[] {
  const lines = [...lock.matchAll(/^([\w.-]+)(?:\[.*?\])?==\S+ (;?)/gm)];
  const names = lines.map(([, name = '']) => name);
  const some = lines.filter(
    ([, name, marker]) => marker === ';' && names.filter((one) => one === name).length === 1,
  );
  return [...new Set(names)].filter((name) => !some.some(([, one]) => one === name));
}

/** The whole of docs/licences.md. */
export async function licencesPage(python: PythonEnvironment): Promise<string> {
  const workers = await workerPackages(python);
  return `# Licences

Of all that runs in production. \`npm run licences\` writes this page, and \`spec/project/dependencies.spec.ts\` allows no
other licences than permissive ones, and the MPL of certifi, which binds changes of its own files alone.

## The service

With ReDoc and what it needs: the build copies its script, which has parts of them inside, in the versions that ReDoc's
makers took. The script's notices are beside it, in \`dist/pages\`.

${byLicence(servicePackages())}

## Workers and Flower

Pythons before 3.11.3 need async-timeout (Apache-2.0) and exceptiongroup (MIT) too, Windows tzdata (Apache-2.0).

${byLicence(workers)}
`;
}

/** A list in Markdown of licences and their packages. */
function byLicence(packages: readonly Licensed[]): string {
  const namesOf = new Map<string, Set<string>>();
  for (const { name, licence } of packages) {
    namesOf.set(licence, (namesOf.get(licence) ?? new Set()).add(name));
  }
  return [...namesOf]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([licence, names]) => `- **${licence}**: ${[...names].sort().join(', ')}`)
    .join('\n');
}
