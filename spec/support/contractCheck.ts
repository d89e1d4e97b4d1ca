import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Response } from 'supertest';
import { parse } from 'yaml';
import { REPOSITORY } from './fleet.js';

interface DocumentedResponse {
  $ref?: string;
  /** None where the answer has no body. */
  content?: Record<string, object>;
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, DocumentedResponse> }>>;
}

const document = parse(readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8')) as Document;
const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
formats.default(ajv);
ajv.addVocabulary([
  ...Object.keys(document),
  'x-sensitive',
  'x-maximum',
  'x-allowed',
  'x-any-name',
  'x-fault',
]);
ajv.addSchema(document, 'contract');
const validators = new Map<string, ValidateFunction>();

/**
 * Returns a supertest assertion: status, media type, headers and body are what the contract documents.
 * An unknown route and a wrong method, which no operation can document, have the contract's error body.
 */
export function checkAgainstContract(rootPath: string): (response: Response) => void {
  return (response) => {
    const { method, path } = requestOf(response, rootPath);
    const where = `${method} ${path} -> ${response.status}`;
    assert.match(response.headers['x-request-id'] ?? '', /^[\x21-\x7e]{1,128}$/, where);
    if (method === 'head' || method === 'options') {
      return;
    }
    if (isDocumentationFile(path) && response.status < 400) {
      return;
    }
    if (response.status === 404 || response.status === 405 || isDocumentationFile(path)) {
      validateAgainst('#/components/schemas/ErrorResponse', response.body, where);
      return;
    }
    const template = templateOf(path);
    const documented = document.paths[template]?.[method]?.responses[String(response.status)];
    assert.ok(documented, `${where} is not in the contract`);
    const pointer =
      documented.$ref ?? `#/paths/${pointerToken(template)}/${method}/responses/${response.status}`;
    const { content } = documented.$ref === undefined ? documented : resolve(documented.$ref);
    if (content === undefined) {
      assert.equal(response.text, '', `${where} has a body`);
      return;
    }
    // Without the charset, which goes without saying.
    const sent = String(response.headers['content-type']).replace('; charset=utf-8', '');
    const mediaType = Object.keys(content).find((documentedType) => documentedType === sent);
    assert.ok(mediaType !== undefined, `${where} answers ${sent}`);
    const body: unknown = mediaType === 'application/json' ? response.body : response.text;
    validateAgainst(`${pointer}/content/${pointerToken(mediaType)}/schema`, body, where);
  };
}

function requestOf(response: Response, rootPath: string): { method: string; path: string } {
  const { method, url } = (response as unknown as { request: { method: string; url: string } })
    .request;
  const path = new URL(url).pathname;
  return {
    method: method.toLowerCase(),
    path: path.startsWith(rootPath) ? path.slice(rootPath.length) : path,
  };
}

function isDocumentationFile(path: string): boolean {
  return /^\/(docs|redoc|console)\/./.test(path);
}

function templateOf(path: string): string {
  const bare = path.replace(/\/+$/, '');
  const template = Object.keys(document.paths).find((candidate) =>
    new RegExp(`^${candidate.replace(/\/$/, '').replace(/\{[^}]+\}/g, '[^/]+')}$`).test(bare),
  );
  return template ?? path;
}

function resolve(reference: string): DocumentedResponse {
  const keys = reference.slice(2).split('/');
  return keys.reduce<unknown>(
    (node, key) => (node as Record<string, unknown>)[key],
    document,
  ) as DocumentedResponse;
}

/** A key as a token of a JSON pointer in a URL (RFC 6901, section 6). */
export function pointerToken(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** Fails, naming `where`, unless the value fits the schema at this pointer into the contract. */
export function validateAgainst(pointer: string, body: unknown, where: string): void {
  let validator = validators.get(pointer);
  if (validator === undefined) {
    validator = ajv.compile({ $ref: `contract${pointer}` });
    validators.set(pointer, validator);
  }
  assert.ok(
    validator(body),
    `${where} breaks the contract: ${ajv.errorsText(validator.errors)} in ${JSON.stringify(body)}`,
  );
}
