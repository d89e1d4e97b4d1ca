import type { Contract } from '../contract/contract.js';
import { redocPage, swaggerUiPage } from '../contract/pages.js';
import type { Operations } from './operation.js';

type ContractOperations = Pick<
  Operations,
  'getSwaggerUi' | 'getRedoc' | 'getContractAsJson' | 'getContractAsYaml'
>;

/** The four operations that show the contract: their answers never change while the service runs. */
export function createContractOperations(contract: Contract, rootPath: string): ContractOperations {
  const swaggerUi = swaggerUiPage(contract, rootPath);
  const redoc = redocPage(contract, rootPath);

  return {
    getSwaggerUi: () => ({ status: 200, mediaType: 'text/html', body: swaggerUi }),
    getRedoc: () => ({ status: 200, mediaType: 'text/html', body: redoc }),
    getContractAsJson: () => ({
      status: 200,
      mediaType: 'application/json',
      body: { ...contract.document },
    }),
    getContractAsYaml: () => ({ status: 200, mediaType: 'text/yaml', body: contract.yaml }),
  };
}
