import swaggerUi from 'swagger-ui-express';
import type { Contract } from '../contract/contract.js';
import { builtFiles, linkFiles } from './builtFiles.js';

/** The script with the page's options, which swagger-ui-express serves. */
export const SWAGGER_UI_SCRIPT = 'swagger-ui-init.js';

/** Without it, a phone draws the page as wide as a desktop's, and too small to read. */
const VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">';

/**
 * On a narrow screen, swagger-ui's margins and the column of links, which the contract has none of, leave too little
 * room; a table that is wide all the same scrolls in its own box.
 */
const NARROW_STYLE = `
  @media (max-width: 640px) {
    .swagger-ui .response-col_links { display: none }
    .swagger-ui .responses-inner, .swagger-ui .parameters-container { overflow-x: auto }
    .swagger-ui .opblock .opblock-section-header, .swagger-ui .opblock-description-wrapper,
    .swagger-ui .responses-inner, .swagger-ui .table-container { padding: 8px }
    .swagger-ui table tbody tr td:first-of-type { min-width: 0 }
  }`;

/** Options of the page that swagger-ui-express makes; it wants the same ones for the page's script. */
export function swaggerUiOptions(contract: Contract, rootPath: string): swaggerUi.SwaggerUiOptions {
  return {
    customSiteTitle: contract.title,
    customCss: NARROW_STYLE,
    swaggerUrl: `${rootPath}${contract.pathOf('getContractAsJson')}`,
    // swagger-ui would show the badge of an online validator otherwise.
    swaggerOptions: { validatorUrl: null, tryItOutEnabled: true, displayRequestDuration: true },
  };
}

/** The page of Swagger UI. Its files are expected below the page's own path. */
export function swaggerUiPage(contract: Contract, rootPath: string): string {
  const page = swaggerUi.generateHTML(undefined, swaggerUiOptions(contract, rootPath));
  const path = `${rootPath}${contract.pathOf('getSwaggerUi')}`;
  // swagger-ui-express links to its files as ./, which fails where the page has no trailing slash.
  return linkFiles(page, path, builtFiles('docs')).replace('<head>', `<head>\n  ${VIEWPORT}`);
}
