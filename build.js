// Builds the service, its specs and the quickstart into dist/.
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
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import swaggerUi from 'swagger-ui-express';

const REDOC_SCRIPT = fileURLToPath(import.meta.resolve('redoc/bundles/redoc.standalone.js'));

/** How the file beside a bundled script is named that has the copyright notices of what is inside. */
const NOTICES = '.LICENSE.txt';

// What is there stays until the contract is known to be readable.
await writeContractTypes().catch(({ message }) => {
  console.error(message);
  process.exit(1);
});
rmSync('dist/pages', { recursive: true, force: true });
removeStale();
writeDocumentationFiles();
// What has not changed since the last build is not compiled again: a quarter of the time where nothing has.
const incremental = ['--incremental', '--tsBuildInfoFile', 'dist/tsconfig.tsbuildinfo'];
process.exitCode = compile('tsconfig.json', incremental) || compile('console/tsconfig.json');
if (process.exitCode === 0) {
  copyScripts();
  writeConsoleFiles();
}

/** Returns the compiler's exit status: 0 where it has found nothing wrong. */
function compile(project, more = []) {
  const compiler = ['node_modules/typescript/bin/tsc', '--project', project, ...more];
  return spawnSync(process.execPath, compiler, { stdio: 'inherit' }).status ?? 1;
}

/** Copies the scripts in Lua beside the modules that load them. */
function copyScripts() {
  for (const name of readdirSync('src', { recursive: true })) {
    if (name.endsWith('.lua')) {
      copyFileSync(`src/${name}`, `dist/src/${name}`);
    }
  }
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
 * Writes what the documentation pages load into a folder for each content coding, so that nothing is compressed
 * while the service runs, and a digest of each file for the page's links. Brotli's quality 11 would make the
 * scripts 8 % smaller and the build six seconds longer.
 */
function writeDocumentationFiles() {
  // The one that swagger-ui-express depends on.
  const swaggerUiFolder = createRequire(import.meta.resolve('swagger-ui-express'))(
    'swagger-ui-dist/absolute-path',
  );
  const names = [...swaggerUi.generateHTML().matchAll(/"\.\/([^"]+)"/g)].map(([, name]) => name);
  const paths = names
    .map((name) => [name, `${swaggerUiFolder()}/${name}`])
    .filter(([, path]) => existsSync(path));
  paths.push(['redoc.standalone.js', REDOC_SCRIPT]);
  const files = paths.map(([name, path]) => [
    name,
    path === REDOC_SCRIPT ? redocScript() : readFileSync(path),
  ]);
  writeCompressed('dist/pages/documentation', files, ([, content]) => digestOf([content]));
  // What the packages inside the scripts want to be passed on with them.
  for (const [name, path] of paths.filter(([, path]) => existsSync(`${path}${NOTICES}`))) {
    copyFileSync(`${path}${NOTICES}`, `dist/pages/documentation/identity/${name}${NOTICES}`);
  }
}

/**
 * Writes what the console loads, in the same way. Its modules import each other, so that all of them have one
 * version, which changes with any of them.
 */
function writeConsoleFiles() {
  copyFileSync('console/console.html', 'dist/pages/console/console.html');
  const modules = readdirSync('dist/pages/console/identity').map((name) => [
    name,
    readFileSync(`dist/pages/console/identity/${name}`, 'utf8'),
  ]);
  const style = ['console.css', readFileSync('console/console.css', 'utf8')];
  const version = digestOf([style, ...modules].flat());
  const versioned = modules.map(([name, text]) => [
    name,
    text.replaceAll(/ from '(\.\/[^']+\.js)'/g, ` from '$1?v=${version}'`),
  ]);
  writeCompressed('dist/pages/console', [style, ...versioned], () => version);
}

function writeCompressed(folder, files, versionOf) {
  for (const coding of ['identity', 'gzip', 'br']) {
    mkdirSync(`${folder}/${coding}`, { recursive: true });
  }
  for (const [name, content] of files) {
    writeFileSync(`${folder}/identity/${name}`, content);
    // Pictures are compressed as they are.
    if (/\.(js|css)$/.test(name)) {
      const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
      writeFileSync(`${folder}/br/${name}`, brotliCompressSync(content, { params }));
      writeFileSync(`${folder}/gzip/${name}`, gzipSync(content, { level: 9 }));
    }
  }
  const versions = files.map((file) => [file[0], versionOf(file)]);
  writeFileSync(`${folder}/versions.json`, JSON.stringify(Object.fromEntries(versions)));
}

function digestOf(contents) {
  const hash = createHash('sha256');
  contents.forEach((content) => hash.update(content));
  return hash.digest('hex').slice(0, 12);
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
