import { redocHtml } from 'redoc-express/dist/redoc-html-template.js';
import { ContractError, type Contract } from '../contract/contract.js';
import { builtFiles, linkFiles } from './builtFiles.js';

/** The script that starts ReDoc. The template has it inline, which the Content-Security-Policy forbids. */
export const REDOC_START_SCRIPT = 'redoc-start.js';

/** The page of ReDoc as redoc-express makes it, with this service's own files. */
export interface RedocPage {
  html: string;
  /** The content of REDOC_START_SCRIPT. */
  startScript: string;
}

const LINK_TO_FONTS = /<link href="https:\/\/fonts\.googleapis\.com\/[^"]+" rel="stylesheet" \/>/;
const SCRIPT_ADDRESS = /https:\/\/unpkg\.com\/redoc@[^"]+/;
const INLINE_SCRIPT = /<script>([^<]*)<\/script>/;

/**
 * The page of ReDoc. Of the two outside addresses in the template, the script is this service's own copy, and the
 * fonts give way to those of the system.
 *
 * @param template what redoc-express makes, with the contract's title and address in it
 * @throws ContractError where the template loads something that this service does not have
 */
export function redocPage(
  contract: Contract,
  rootPath: string,
  template: (options: { title: string; specUrl: string }) => string = redocHtml,
): RedocPage {
  const page = template({
    title: contract.title,
    specUrl: `${rootPath}${contract.pathOf('getContractAsJson')}`,
  });
  const [, startScript = ''] = INLINE_SCRIPT.exec(page) ?? [];
  const own = page
    // An icon of its own keeps the browser from asking for /favicon.ico.
    .replace(LINK_TO_FONTS, '<link rel="icon" href="data:," />')
    .replace(SCRIPT_ADDRESS, './redoc.standalone.js')
    .replace(INLINE_SCRIPT, `<script src="./${REDOC_START_SCRIPT}"></script>`);
  const html = linkFiles(own, `${rootPath}${contract.pathOf('getRedoc')}`, builtFiles('redoc'));
  const [foreign] = /https?:[^"'\s]*|<script(?![^>]*src=)[^>]*>/.exec(html) ?? [];
  if (foreign !== undefined || startScript === '') {
    throw new ContractError(
      `The page of redoc-express has changed, and has ${foreign ?? 'no script to start ReDoc'}: ` +
        'install the version that package-lock.json names',
    );
  }
  return { html, startScript };
}
