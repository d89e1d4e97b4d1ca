import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { STATUS_BY_CODE } from '../../src/errors.js';
import { REPOSITORY } from '../support/fleet.js';

const { components } = parse(readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8')) as {
  components: { schemas: { ErrorCode: { enum: string[]; description: string } } };
};
const listed = components.schemas.ErrorCode.enum;

describe('The codes of errors', () => {
  it('are those that the contract lists, each with one status', () => {
    assert.deepEqual(Object.keys(STATUS_BY_CODE).sort(), [...listed].sort());
  });

  it('are each thrown somewhere', () => {
    const files = readdirSync(`${REPOSITORY}src`, { recursive: true, encoding: 'utf8' });
    const source = files
      .filter((file) => file.endsWith('.ts') && file !== 'contract/openapi.ts')
      .map((file) => readFileSync(`${REPOSITORY}src/${file}`, 'utf8'))
      .join('');
    assert.deepEqual(
      listed.filter((code) => !source.includes(`'${code}'`)),
      [],
    );
  });

  for (const [where, text] of [
    ['the contract', components.schemas.ErrorCode.description],
    ['docs/api.md', readFileSync(`${REPOSITORY}docs/api.md`, 'utf8')],
  ] as const) {
    it(`are all told of in ${where}`, () => {
      assert.deepEqual(
        listed.filter((code) => !text.includes(`\`${code}\``)),
        [],
      );
    });
  }
});
