import { readdirSync } from 'node:fs';
import { PACKAGE_FOLDER } from '../packageFolder.js';

/** `build.js` writes here what the pages load. */
export const PAGES_FOLDER = new URL('dist/pages/', PACKAGE_FOLDER);

/** The pages that have files of their own, by the folders that `build.js` writes them to. */
export type PageName = 'docs' | 'redoc' | 'console';

/** The files of one page: their names with a digest of the content, by the plain names. */
export type BuiltFiles = ReadonlyMap<string, string>;

/** A name such as `swagger-ui.0123456789ab.css`; what it leads to never changes. */
const WITH_DIGEST = /^(?<start>.+)\.[0-9a-f]{12}(?<end>\.\w+)$/;

/** Reads which files the build has written for a page. */
export function builtFiles(page: PageName): BuiltFiles {
  const names = readdirSync(new URL(page, PAGES_FOLDER));
  return new Map(
    names.flatMap((name) => {
      const { start, end } = WITH_DIGEST.exec(name)?.groups ?? {};
      return start === undefined || end === undefined ? [] : [[`${start}${end}`, name]];
    }),
  );
}

/**
 * Points a page's links such as `"./main.js"` to the built files below the page's own path. Links to files that the
 * build has not written, such as a script with this installation's options, keep their names.
 */
export function linkFiles(page: string, path: string, files: BuiltFiles): string {
  return page.replaceAll(
    /"\.\/([^"]+)"/g,
    (_link, name: string) => `"${path}/${files.get(name) ?? name}"`,
  );
}
