import { consolePage } from '../../pages/console.js';
import type { Contract } from '../../contract/contract.js';
import type { Operation } from '../operation.js';

/** The page on which people assign and watch tasks. It holds nothing of this installation but its path. */
export function createGetConsole(contract: Contract, rootPath: string): Operation<'getConsole'> {
  const page = {
    status: 200,
    mediaType: 'text/html',
    isConstant: true,
    body: consolePage(contract, rootPath),
  } as const;
  return () => page;
}
