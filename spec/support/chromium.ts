import { accessSync, constants } from 'node:fs';

/** The path of a Chromium, or undefined where the PATH has none. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(':');
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  return folders
    .flatMap((folder) => names.map((name) => `${folder}/${name}`))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
