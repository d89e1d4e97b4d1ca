import { readdirSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import swaggerUi from 'swagger-ui-express';
import type { Contract } from '../contract/contract.js';
import { builtFiles, PAGES_FOLDER, type PageName } from './builtFiles.js';
import { negotiateCoding } from './contentCoding.js';
import { REDOC_START_SCRIPT, redocPage } from './redoc.js';
import { SWAGGER_UI_SCRIPT, swaggerUiOptions } from './swaggerUi.js';

/** Serves the scripts, styles and icons that the pages of this service load, and no other file. */
export function servePageFiles(contract: Contract, rootPath: string): Router {
  const router = express.Router();
  const paths: Readonly<Record<PageName, string>> = {
    docs: contract.pathOf('getSwaggerUi'),
    redoc: contract.pathOf('getRedoc'),
    console: contract.pathOf('getConsole'),
  };
  const { startScript } = redocPage(contract, rootPath);

  const serveScript = swaggerUi.serveFiles(undefined, swaggerUiOptions(contract, rootPath));
  // The handler after the first one would serve all of swagger-ui's own folder.
  router.get(`${paths.docs}/${SWAGGER_UI_SCRIPT}`, ...serveScript.slice(0, 1));
  router.get(`${paths.redoc}/${REDOC_START_SCRIPT}`, (_request, response) => {
    response.type('js').send(startScript);
  });
  for (const page of ['docs', 'redoc', 'console'] as const) {
    router.get(`${paths[page]}/:file`, serveBuiltFiles(page));
  }
  router.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    // An error, such as a wrong range, is answered without a coding.
    response.removeHeader('Content-Encoding');
    next(error);
  });
  return router;
}

const SUFFIXES = { br: '.br', gzip: '.gz', identity: '' } as const;

/** Serves a page's files as the build has compressed them, in the coding that the client wants most. */
function serveBuiltFiles(page: PageName): RequestHandler<{ file: string }> {
  const folder = fileURLToPath(new URL(page, PAGES_FOLDER));
  const onDisk = new Set(readdirSync(folder));
  const names = new Set(builtFiles(page).values());
  const serve = express.static(folder, { index: false, immutable: true, maxAge: '1y' });

  return (request, response, next) => {
    const { file } = request.params;
    if (!names.has(file)) {
      next();
      return;
    }
    // Pictures are compressed as they are.
    const coding = onDisk.has(`${file}.br`) ? negotiateCoding(request, response) : 'identity';
    if (coding !== 'identity') {
      response.set('Content-Encoding', coding).type(extname(file));
    }
    request.url = `/${file}${SUFFIXES[coding]}`;
    serve(request, response, next);
  };
}
