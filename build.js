// Builds the service, its specs and the quickstart into dist/: as modules for the specs and tools, and the service in
// few files, dist/service/, for its start.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, parse } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import swaggerUi from 'swagger-ui-express';

const REDOC_SCRIPT = fileURLToPath(import.meta.resolve('redoc/bundles/redoc.standalone.js'));

/** How the file beside a bundled script is named that has the copyright notices of what is inside. */
const NOTICES = '.LICENSE.txt';

/** Stacks lead to the lines of this service's own modules; to map those of its packages would slow the start. */
const ownSourceMaps = {
  name: 'own-source-maps',
  transform: {
    filter: { id: /node_modules/ },
    handler: (code) => ({ code, map: { mappings: '' } }),
  },
};

// What is there stays until the contract is known to be readable.
await writeContractTypes().catch(fail);
rmSync('dist/pages', { recursive: true, force: true });
removeStale();
writeDocumentationFiles();
// What has not changed since the last build is not compiled again: a quarter of the time where nothing has.
const incremental = ['--incremental', '--tsBuildInfoFile', 'dist/tsconfig.tsbuildinfo'];
process.exitCode = compile('tsconfig.json', incremental) || compile('console/tsconfig.json');
if (process.exitCode === 0) {
  copyScripts();
  writeConsoleFiles();
  await writeContract();
  await bundleService();
}

function fail({ message }) {
  console.error(message);
  process.exit(1);
}

/** Returns the compiler's exit status: 0 where it has found nothing wrong. */
function compile(project, more = []) {
  const compiler = ['node_modules/typescript/bin/tsc', '--project', project, ...more];
  return spawnSync(process.execPath, compiler, { stdio: 'inherit' }).status ?? 1;
}

/** Copies the scripts in Lua beside the modules that load them. */
function copyScripts() {
  for (const name of scriptNames()) {
    copyFileSync(`src/${name}`, `dist/src/${name}`);
  }
}

function scriptNames() {
  return readdirSync('src', { recursive: true }).filter((name) => name.endsWith('.lua'));
}

/**
 * Puts the service and its packages into few files: to find and to read 700 modules takes longer than all else that
 * the start does. What is loaded later, such as OpenTelemetry, stays in files of its own. Names stay, as stacks show
 * them and packages ask for them; blanks go, as V8 reads every character.
 */
async function bundleService() {
  const dir = 'dist/service';
  rmSync(dir, { recursive: true, force: true });
  const service = await rolldown({
    input: 'src/main.ts',
    platform: 'node',
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    plugins: [ownSourceMaps],
    checks: { ineffectiveDynamicImport: false },
  });
  const { output } = await service.write({
    dir,
    // For the command that npm makes of it, with the options of `npm start`.
    banner: ({ isEntry }) =>
      isEntry ? '#!/usr/bin/env -S node --enable-source-maps --max-semi-space-size=64' : '',
    minify: { compress: false, mangle: false, codegen: true },
    sourcemap: true,
    sourcemapExcludeSources: true,
  });
  await service.close();
  for (const name of scriptNames()) {
    copyFileSync(`src/${name}`, `${dir}/${basename(name)}`);
  }
  writeFileSync(
    `${dir}/LICENSES.txt`,
    licencesOf(output.flatMap(({ moduleIds = [] }) => moduleIds)),
  );
}

/** The licences of the packages that these modules are of, as whoever hands on the bundle has to. */
function licencesOf(moduleIds) {
  const folders = moduleIds.flatMap(
    (id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0] ?? [],
  );
  return [...new Set(folders)]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const text =
        file === undefined ? `Licence: ${license}` : readFileSync(`${folder}/${file}`, 'utf8');
      return `${name} ${version}\n\n${text.trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** Removes what an earlier build made of sources that are gone: mocha would run a spec that nobody has any more. */
function removeStale() {
  const names = existsSync('dist') ? readdirSync('dist', { recursive: true }) : [];
  for (const name of names.filter((name) => /\.js(\.map)?$/.test(name))) {
    if (!existsSync(name.replace(/\.js(\.map)?$/, '.ts'))) {
      rmSync(`dist/${name}`);
    }
  }
}

async function writeContractTypes() {
  const { default: openapiTypes, astToString } = await import('openapi-typescript').catch(() => {
    throw new Error('Building needs the development packages too: npm ci --include=dev');
  });
  const types = await openapiTypes(new URL('openapi.yaml', import.meta.url), {
    // Defaults are filled in by whoever reads the value, not by validation.
    defaultNonNullable: false,
    silent: true,
  }).catch(({ message }) => {
    throw new Error(`openapi.yaml: ${message}`);
  });
  writeFileSync('src/contract/openapi.ts', astToString(types));
}

/**
 * Writes the contract, and the tasks of the workers that come with the service, as JSON once they have been found good,
 * so that the start need neither read YAML nor check it (`src/contract/written.ts`).
 */
async function writeContract() {
  const sources = { 'contract.json': 'openapi.yaml', 'tasks.json': 'workers-py/tasks.yaml' };
  for (const file of Object.keys(sources)) {
    rmSync(`dist/${file}`, { force: true });
  }
  const { loadContract } = await import('./dist/src/contract/contract.js');
  const { readWritten } = await import('./dist/src/contract/written.js');
  const tasksFiles = [sources['tasks.json']];
  await loadContract(pathToFileURL(sources['contract.json']), '', { tasksFiles }).catch(fail);
  for (const [file, source] of Object.entries(sources)) {
    const text = readFileSync(source, 'utf8');
    const { value } = await readWritten(text, file);
    const sha256 = createHash('sha256').update(text).digest('hex');
    writeFileSync(`dist/${file}`, JSON.stringify({ sha256, value }));
  }
}

/** Writes what the documentation pages load, and the notices of what is inside their scripts. */
function writeDocumentationFiles() {
  // The one that swagger-ui-express depends on.
  const swaggerUiFolder = createRequire(import.meta.resolve('swagger-ui-express'))(
    'swagger-ui-dist/absolute-path',
  )();
  const names = [...swaggerUi.generateHTML().matchAll(/"\.\/([^"]+)"/g)]
    .map(([, name]) => name)
    .filter((name) => existsSync(`${swaggerUiFolder}/${name}`));
  const files = names.map((name) => [name, readFileSync(`${swaggerUiFolder}/${name}`)]);
  writePageFiles('docs', files, digestOf);
  writePageFiles('redoc', [['redoc.standalone.js', redocScript()]], digestOf);
  for (const path of [...names.map((name) => `${swaggerUiFolder}/${name}`), REDOC_SCRIPT]) {
    if (existsSync(`${path}${NOTICES}`)) {
      copyFileSync(`${path}${NOTICES}`, `dist/pages/${basename(path)}${NOTICES}`);
    }
  }
}

/**
 * Writes what the console loads. Its modules import each other, so that all of them have one digest, which changes
 * with any of them.
 */
function writeConsoleFiles() {
  copyFileSync('console/console.html', 'dist/pages/console.html');
  const files = [
    ['console.css', readFileSync('console/console.css', 'utf8')],
    ...readdirSync('dist/browser').map((name) => [
      name,
      readFileSync(`dist/browser/${name}`, 'utf8'),
    ]),
  ];
  const digest = digestOf(files.flat().join());
  const linked = files.map(([name, text]) => [
    name,
    text.replaceAll(/ from '\.\/([^']+)\.js'/g, ` from './$1.${digest}.js'`),
  ]);
  writePageFiles('console', linked, () => digest);
}

/**
 * Writes the files of a page under names with a digest of their content, and beside each text what it is in Brotli
 * and gzip, so that nothing is compressed while the service runs. Brotli's quality 11 would make the scripts 8 %
 * smaller and the build six seconds longer.
 */
function writePageFiles(page, files, digestFor) {
  const folder = `dist/pages/${page}`;
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) {
    const { name: start, ext } = parse(name);
    const path = `${folder}/${start}.${digestFor(content)}${ext}`;
    writeFileSync(path, content);
    // Pictures are compressed as they are.
    if (['.js', '.css'].includes(ext)) {
      const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
      writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
      writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
    }
  }
}

function digestOf(content) {
  return createHash('sha256').update(content).digest('hex').slice(0, 12);
}

/** ReDoc's script shows a logo from outside; a page that works without the internet can't. */
function redocScript() {
  const script = readFileSync(REDOC_SCRIPT, 'utf8');
  const logo = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
  if (!script.includes(logo)) {
    throw new Error(`ReDoc's script no longer names ${logo}: see what it loads from outside now`);
  }
  return script.replaceAll(logo, 'data:,');
}
