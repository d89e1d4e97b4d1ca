/**
 * The folder that has `dist/`. A module can't count the steps up to it, as the build puts all modules into one
 * file.
 */
export const PACKAGE_FOLDER = new URL(
  import.meta.url.slice(0, import.meta.url.lastIndexOf('/dist/') + 1),
);
