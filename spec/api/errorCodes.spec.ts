import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import * as errors from '../../src/errors.js';
import { REPOSITORY } from '../support/fleet.js';

const { components } = parse(readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8')) as {
  components: { schemas: { ErrorCode: { enum: string[]; description: string } } };
};
const listed = components.schemas.ErrorCode.enum;
const failure = { reason: 'a reason' };

/** Of each function that makes an error, one error for each code that it may give. */
const made: Readonly<Record<string, errors.ClientVisibleError[]>> = {
  badRequest: [errors.badRequest('a')],
  bodyTooLarge: [errors.bodyTooLarge(1)],
  brokerUnavailable: [errors.brokerUnavailable('a', failure)],
  headersTooLarge: [errors.headersTooLarge()],
  idempotencyKeyReused: [errors.idempotencyKeyReused()],
  invalidRequest: [errors.invalidRequest([{ in: 'body', pointer: '', message: 'is wrong' }])],
  methodNotAllowed: [errors.methodNotAllowed('PUT', ['GET'])],
  metricsUnavailable: [errors.metricsUnavailable('a')],
  notAssigned: [errors.notAssigned('a', { ...failure, fate: 'unknown' })],
  notAuthenticated: [errors.notAuthenticated()],
  notFound: [errors.notFound('a')],
  notImplemented: [errors.notImplemented('a')],
  notReady: [errors.notReady('a')],
  originNotAllowed: [errors.originNotAllowed('a')],
  overloaded: [errors.overloaded('a')],
  queueFull: [errors.queueFull('a')],
  rateLimitExceeded: [errors.rateLimitExceeded(1, 2, 3)],
  requestTimeout: [errors.requestTimeout()],
  resultUnavailable: [true, false].map((isUnreadable) =>
    errors.resultUnavailable('a', { ...failure, isUnreadable }),
  ),
  upgradeRequired: [errors.upgradeRequired()],
};

describe('The codes of errors', () => {
  it('are those that the contract lists, each with one status', () => {
    assert.deepEqual(Object.keys(errors.STATUS_BY_CODE).sort(), [...listed].sort());
  });

  it('are each given by a function of errors.ts, but for that of an unknown error', () => {
    const functions = Object.entries(errors)
      .filter(([name, value]) => typeof value === 'function' && name !== 'ClientVisibleError')
      .map(([name]) => name);
    assert.deepEqual(Object.keys(made).sort(), functions.sort());
    const codes = new Set(Object.values(made).flatMap((some) => some.map(({ code }) => code)));
    assert.deepEqual([...codes, 'internal_error'].sort(), [...listed].sort());
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
