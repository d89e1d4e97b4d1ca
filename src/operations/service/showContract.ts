import type { Contract } from '../../contract/contract.js';
import { redocPage } from '../../pages/redoc.js';
import { swaggerUiPage } from '../../pages/swaggerUi.js';
import type { Operations } from '../operation.js';

type ContractOperations = Pick<
  Operations,
  'getSwaggerUi' | 'getRedoc' | 'getContractAsJson' | 'getContractAsYaml'
>;

/** The four operations that show the contract: their answers never change while the service runs. */
export function createContractOperations(contract: Contract, rootPath: string): ContractOperations {
  const constant = { status: 200, isConstant: true } as const;
  const html = { ...constant, mediaType: 'text/html' } as const;
  const swaggerUi = { ...html, body: swaggerUiPage(contract, rootPath) };
  const redoc = { ...html, body: redocPage(contract, rootPath).html };
  const json = {
    ...constant,
    mediaType: 'application/json',
    body: { ...contract.document },
  } as const;
  const yaml = { ...constant, mediaType: 'text/yaml', body: contract.yaml } as const;

  return {
    getSwaggerUi: () => swaggerUi,
    getRedoc: () => redoc,
    getContractAsJson: () => json,
    getContractAsYaml: () => yaml,
  };
}
