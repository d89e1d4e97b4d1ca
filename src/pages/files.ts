import express, { type RequestHandler, type Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import { CONSOLE_FOLDER } from './console.js';
import type { Contract } from '../contract/contract.js';
import {
  DOCUMENTATION_FOLDER,
  filesOf,
  readFileVersions,
  redocPage,
  swaggerUiOptions,
  swaggerUiPage,
} from './documentation.js';
import { servePrecompressedFiles } from './precompressedFiles.js';

/** Serves the scripts, styles and icons that the pages of this service need, and no other file. */
export function serveDocumentationFiles(contract: Contract, rootPath: string): Router {
  const router = express.Router();
  const serveFiles = servePrecompressedFiles(DOCUMENTATION_FOLDER);
  router.use(
    contract.pathOf('getSwaggerUi'),
    only(filesOf(swaggerUiPage(contract, rootPath))),
    serveFiles,
    // The script with the page's options is none of these files.
    swaggerUi.serveFiles(undefined, swaggerUiOptions(contract, rootPath)),
  );
  router.use(contract.pathOf('getRedoc'), only(filesOf(redocPage(contract, rootPath))), serveFiles);
  router.use(
    contract.pathOf('getConsole'),
    only(new Set(Object.keys(readFileVersions(CONSOLE_FOLDER)))),
    servePrecompressedFiles(CONSOLE_FOLDER),
  );
  return router;
}

/** The packages behind the pages hold more files, a page of theirs with somebody else's API among them. */
function only(files: ReadonlySet<string>): RequestHandler {
  return (request, _response, next) => {
    next(files.has(request.path.slice(1)) ? undefined : 'router');
  };
}
