import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import type { Contract } from '../contract/contract.js';
import { filesOf, redocPage, swaggerUiOptions, swaggerUiPage } from '../contract/pages.js';

/** `build.js` puts ReDoc's script there. */
const REDOC_FOLDER = fileURLToPath(new URL('../../redoc/', import.meta.url));

/** Serves the scripts, styles and icons that the two documentation pages name, and no other file. */
export function serveDocumentationFiles(contract: Contract, rootPath: string): Router {
  const router = express.Router();
  router.use(
    contract.pathOf('getSwaggerUi'),
    only(filesOf(swaggerUiPage(contract, rootPath))),
    swaggerUi.serveFiles(undefined, swaggerUiOptions(contract, rootPath)),
  );
  router.use(
    contract.pathOf('getRedoc'),
    only(filesOf(redocPage(contract, rootPath))),
    express.static(REDOC_FOLDER, { index: false, redirect: false, maxAge: '1 day' }),
  );
  return router;
}

/** The packages behind the pages hold more files, a page of theirs with somebody else's API among them. */
function only(files: ReadonlySet<string>): RequestHandler {
  return (request, _response, next) => {
    next(files.has(request.path.slice(1)) ? undefined : 'router');
  };
}
