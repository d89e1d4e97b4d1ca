import assert from 'node:assert/strict';
import { queryParameterOf, readQuery } from '../../src/contract/query.js';

const PARAMETERS = [
  { name: 'wait', schema: { type: 'number', default: 0 } },
  { name: 'dry_run', schema: { type: 'boolean' } },
  { name: 'ids', schema: { type: 'array', items: { type: 'string' } } },
].map((parameter) => queryParameterOf({ ...parameter, in: 'query' }));

describe('A query', () => {
  const cases: [url: string, values: object][] = [
    ['/', { wait: 0 }],
    ['/?other=1', { wait: 0 }],
    ['/?wait=2.5&dry_run=true', { wait: 2.5, dry_run: true }],
    ['/?dry_run=false', { wait: 0, dry_run: false }],
    ['/?ids=a,b%2Cc&ids=d', { wait: 0, ids: ['a', 'b', 'c', 'd'] }],
    ['/?ids=', { wait: 0, ids: [] }],
    ['/?ids=%E2%82%AC', { wait: 0, ids: ['€'] }],
  ];
  for (const [url, values] of cases) {
    it(`${url} is read by the types of its parameters`, () => {
      assert.deepEqual(readQuery(PARAMETERS, url), values);
    });
  }

  const faulty: [url: string, values: object][] = [
    ['/?wait=', { wait: '' }],
    ['/?wait=1e3', { wait: '1e3' }],
    ['/?wait=0x10', { wait: '0x10' }],
    ['/?wait=1&wait=2', { wait: ['1', '2'] }],
    ['/?dry_run=yes', { wait: 0, dry_run: 'yes' }],
  ];
  for (const [url, values] of faulty) {
    it(`${url} stays a text, in which the schema finds the fault`, () => {
      assert.deepEqual(readQuery(PARAMETERS, url), values);
    });
  }
});
