// Builds the service, its specs and the quickstart into dist/.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

// What is there stays until the contract is known to be readable.
await writeContractTypes().catch(({ message }) => {
  console.error(message);
  process.exit(1);
});
rmSync('dist', { recursive: true, force: true });
writeRedocScript();
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc'], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;

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

/** ReDoc's script shows a logo from outside; a page that works without the internet can't. */
function writeRedocScript() {
  const script = readFileSync('node_modules/redoc/bundles/redoc.standalone.js', 'utf8');
  const logo = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
  if (!script.includes(logo)) {
    throw new Error(`ReDoc's script no longer names ${logo}: see what it loads from outside now`);
  }
  mkdirSync('dist/redoc', { recursive: true });
  writeFileSync('dist/redoc/redoc.standalone.js', script.replaceAll(logo, 'data:,'));
}
