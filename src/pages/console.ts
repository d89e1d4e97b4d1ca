import { readFileSync } from 'node:fs';
import type { Contract } from '../contract/contract.js';
import { builtFiles, linkFiles, PAGES_FOLDER } from './builtFiles.js';

/** The page of the console. Its files are expected below the page's own path. */
export function consolePage(contract: Contract, rootPath: string): string {
  const files = builtFiles('console');
  // A browser would learn of the modules one after another otherwise, from each other.
  const modules = [...files.keys()]
    .filter((name) => name.endsWith('.js'))
    .map((name) => `<link rel="modulepreload" href="./${name}" />`);
  const page = readFileSync(new URL('console.html', PAGES_FOLDER), 'utf8')
    .replace('<!-- modules -->', modules.join('\n    '))
    .replace('{contract}', `${rootPath}${contract.pathOf('getContractAsJson')}`);
  return linkFiles(page, `${rootPath}${contract.pathOf('getConsole')}`, files);
}
