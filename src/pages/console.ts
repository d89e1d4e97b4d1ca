import { readFileSync } from 'node:fs';
import type { Contract } from '../contract/contract.js';
import { linksBelow, readFileVersions } from './documentation.js';

/** `build.js` puts there what the console consists of: its page, a folder for each content coding, and versions. */
export const CONSOLE_FOLDER = new URL('../../pages/console/', import.meta.url);

/** The page of the console. Its files are expected below the page's own path. */
export function consolePage(contract: Contract, rootPath: string): string {
  const page = readFileSync(new URL('console.html', CONSOLE_FOLDER), 'utf8');
  const linkTo = linksBelow(`${rootPath}${contract.pathOf('getConsole')}`, CONSOLE_FOLDER);
  // So that a browser does not learn of them one after another, from each other.
  const modules = Object.keys(readFileVersions(CONSOLE_FOLDER))
    .filter((name) => name.endsWith('.js'))
    .map((name) => `<link rel="modulepreload" href="./${name}" />`);
  return page
    .replace('<!-- modules -->', modules.join('\n    '))
    .replace('{contract}', `${rootPath}${contract.pathOf('getContractAsJson')}`)
    .replaceAll(/"\.\/([^"]+)"/g, (_link, name: string) => `"${linkTo(name)}"`);
}
