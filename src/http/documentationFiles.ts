import express, { type Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import type { Contract } from '../contract/contract.js';
import { REDOC_SCRIPT, swaggerUiOptions } from '../contract/pages.js';

/** `build.js` puts ReDoc's script there. */
const REDOC_FOLDER = new URL('../../redoc/', import.meta.url);

/** Serves the scripts and styles of the two documentation pages, below each page's own path. */
export function serveDocumentationFiles(contract: Contract, rootPath: string): Router {
  const router = express.Router();
  const options = swaggerUiOptions(contract, rootPath);
  router.use(contract.pathOf('getSwaggerUi'), swaggerUi.serveFiles(undefined, options));
  router.use(
    contract.pathOf('getRedoc'),
    express.static(REDOC_FOLDER.pathname, { index: false, redirect: false, maxAge: '1 day' }),
  );
  return router;
}

export { REDOC_SCRIPT };
