import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { PythonEnvironment } from '../../quickstart/python.js';
import { REPOSITORY, WORKERS_FOLDER } from './fleet.js';

/** A package that runs in production, and its licence as an SPDX expression. */
export interface Licensed {
  name: string;
  licence: string;
}

interface Lock {
  packages: Record<string, { name?: string; dev?: boolean; license?: string }>;
}

/** Those of the service, as package-lock.json has them. */
export function servicePackages(): Licensed[] {
  const { packages } = JSON.parse(readFileSync(`${REPOSITORY}package-lock.json`, 'utf8')) as Lock;
  // The build copies ReDoc's script into the service.
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && (dev !== true || path === 'node_modules/redoc'))
    .map(([path, { name, license }]) => ({
      name: name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      licence: license ?? 'none',
    }));
}

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

Of all that runs in production. \`npm run licences\` writes this page, and \`spec/dependencies.spec.ts\` allows no
other licences than permissive ones, and the MPL of certifi, which binds changes of its own files alone.

## The service

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
