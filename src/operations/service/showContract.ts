import type { Contract } from '../../contract/contract.js';
import { redocPage } from '../../pages/redoc.js';
import { swaggerUiPage } from '../../pages/swaggerUi.js';
import type { Operations, ReplyOf } from '../operation.js';

type ContractOperations = Pick<
  Operations,
  'getSwaggerUi' | 'getRedoc' | 'getContractAsJson' | 'getContractAsYaml'
>;

const CONSTANT = { status: 200, isConstant: true } as const;

/** The four operations that show the contract: their answers change with the document alone. */
export function createContractOperations(contract: Contract, rootPath: string): ContractOperations {
  const html = { ...CONSTANT, mediaType: 'text/html' } as const;
  const swaggerUi = { ...html, body: swaggerUiPage(contract, rootPath) };
  const redoc = { ...html, body: redocPage(contract, rootPath).html };
  const json = ofDocument(
    contract,
    ({ document }) =>
      ({ ...CONSTANT, mediaType: 'application/json', body: { ...document } }) as const,
  );
  const yaml = ofDocument(contract, writeYaml);

  return {
    getSwaggerUi: () => swaggerUi,
    getRedoc: () => redoc,
    getContractAsJson: json,
    getContractAsYaml: yaml,
  };
}

/** Makes a value once for each document that the contract has had. */
function ofDocument<Value>(contract: Contract, make: (contract: Contract) => Value): () => Value {
  let made: { document: Contract['document']; value: Value } | undefined;
  return () => {
    if (made?.document !== contract.document) {
      made = { document: contract.document, value: make(contract) };
    }
    return made.value;
  };
}

/** Loads what writes YAML only when somebody asks for it. */
async function writeYaml({ document }: Contract): Promise<ReplyOf<'getContractAsYaml'>> {
  const { stringify } = await import('yaml');
  const body = stringify(document, { aliasDuplicateObjects: false, lineWidth: 110 });
  return { ...CONSTANT, mediaType: 'text/yaml', body };
}
