import { readFileSync } from 'node:fs';
import swaggerUi from 'swagger-ui-express';
import type { Contract } from '../contract/contract.js';

/** `build.js` puts there what the pages load: a folder for each content coding, and the files' versions. */
export const DOCUMENTATION_FOLDER = new URL('../../pages/documentation/', import.meta.url);

/** By the name of a file, a digest of its content. */
export type FileVersions = Readonly<Record<string, string>>;

/** The versions of the pages' files in a folder. A link that names one leads to that content for ever. */
export function readFileVersions(folder: URL): FileVersions {
  const text = readFileSync(new URL('versions.json', folder), 'utf8');
  return JSON.parse(text) as FileVersions;
}

/** Options of the page that swagger-ui-express makes; it wants the same ones for the page's script. */
export function swaggerUiOptions(contract: Contract, rootPath: string): swaggerUi.SwaggerUiOptions {
  return {
    customSiteTitle: contract.title,
    swaggerUrl: `${rootPath}${contract.pathOf('getContractAsJson')}`,
    // swagger-ui would show the badge of an online validator otherwise.
    swaggerOptions: { validatorUrl: null, tryItOutEnabled: true, displayRequestDuration: true },
  };
}

/** The page of Swagger UI. Its files are expected below the page's own path. */
export function swaggerUiPage(contract: Contract, rootPath: string): string {
  const page = swaggerUi.generateHTML(undefined, swaggerUiOptions(contract, rootPath));
  const linkTo = linksBelow(`${rootPath}${contract.pathOf('getSwaggerUi')}`);
  // swagger-ui-express refers to the files as ./, which fails where the page has no trailing slash.
  return page.replaceAll(/"\.\/([^"]+)"/g, (_link, name: string) => `"${linkTo(name)}"`);
}

/** The names of the files that a page refers to, which are found below the page's own path. */
export function filesOf(page: string): ReadonlySet<string> {
  const addresses = page.matchAll(/(?:src|href)="[^":]*\/([^"/:?]+)(?:\?[^"]*)?"/g);
  return new Set([...addresses].map(([, name = '']) => name));
}

/** The page of ReDoc. redoc-express is of no use here: its page takes script and fonts from a CDN. */
export function redocPage(contract: Contract, rootPath: string): string {
  const script = linksBelow(`${rootPath}${contract.pathOf('getRedoc')}`)('redoc.standalone.js');
  const document = `${rootPath}${contract.pathOf('getContractAsJson')}`;
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${contract.title}</title>
    <link rel="icon" href="data:,">
    <style>body { margin: 0; }</style>
  </head>
  <body>
    <redoc spec-url="${document}"></redoc>
    <script src="${script}"></script>
  </body>
</html>
`;
}

/** A file that has no version, such as the script with this installation's options, is linked to without one. */
export function linksBelow(path: string, folder = DOCUMENTATION_FOLDER): (name: string) => string {
  const versions = readFileVersions(folder);
  return (name) => {
    const version = versions[name];
    return `${path}/${name}${version === undefined ? '' : `?v=${version}`}`;
  };
}
