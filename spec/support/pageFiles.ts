import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { REPOSITORY } from './fleet.js';

/** Where the build puts the files that the pages load, in a folder for each page. */
export const PAGES_FOLDER = `${REPOSITORY}dist/pages/`;

/** The path of the one file of a page whose name, which holds a digest, matches: `/docs/swagger-ui.5ed08757e53d.css`. */
export function pageFile(page: string, name: RegExp): string {
  const [file, ...others] = readdirSync(`${PAGES_FOLDER}${page}`).filter((one) => name.test(one));
  assert.ok(file !== undefined && others.length === 0, `${page}: ${name}`);
  return `/${page}/${file}`;
}
