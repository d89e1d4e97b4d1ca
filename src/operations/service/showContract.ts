import type { Contract } from '../../contract/contract.js';
import { redocPage } from '../../pages/redoc.js';
import { swaggerUiPage } from '../../pages/swaggerUi.js';
import type { Operations, ReplyOf } from '../operation.js';

type ContractOperations = Pick<
  Operations,
  'getSwaggerUi' | 'getRedoc' | 'getContractAsJson' | 'getContractAsYaml'
>;

const CONSTANT = { status: 200, isConstant: true } as const;

/** The four operations that show the contract: their answers never change while the service runs. */
export function createContractOperations(contract: Contract, rootPath: string): ContractOperations {
  const html = { ...CONSTANT, mediaType: 'text/html' } as const;
  const swaggerUi = { ...html, body: swaggerUiPage(contract, rootPath) };
  const redoc = { ...html, body: redocPage(contract, rootPath).html };
  const json = {
    ...CONSTANT,
    mediaType: 'application/json',
    body: { ...contract.document },
  } as const;
  let yaml: Promise<ReplyOf<'getContractAsYaml'>> | undefined;

  return {
    getSwaggerUi: () => swaggerUi,
    getRedoc: () => redoc,
    getContractAsJson: () => json,
    getContractAsYaml: () => (yaml ??= writeYaml(contract)),
  };
}

/** Loads what writes YAML only when somebody asks for it. */
async function writeYaml({ document }: Contract): Promise<ReplyOf<'getContractAsYaml'>> {
  const { stringify } = await import('yaml');
  const body = stringify(document, { aliasDuplicateObjects: false, lineWidth: 110 });
  return { ...CONSTANT, mediaType: 'text/yaml', body };
}
