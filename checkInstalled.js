// Says in one sentence what the start or the build lacks: packages, or with `--built` what the build makes.
import { existsSync, readFileSync } from 'node:fs';

const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const lacks = (packages) =>
  Object.keys(packages).find((name) => !existsSync(`node_modules/${name}`));

const fault = process.argv.includes('--built')
  ? (notInstalled() ??
    (existsSync('dist/service/main.js') ? undefined : 'Not built yet: npm ci, or npm run build'))
  : (notInstalled() ??
    (lacks(devDependencies) &&
      'Building needs the development packages too: npm ci --include=dev'));
if (fault !== undefined) {
  console.error(fault);
  process.exitCode = 1;
}

function notInstalled() {
  const name = lacks(dependencies);
  return name && `Not installed yet: npm ci brings ${name} and the other packages`;
}
