import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Request, type RequestHandler } from 'express';
import { readFileVersions } from './documentation.js';
import { negotiateCoding, type ContentCoding } from './contentCoding.js';

/** What a link with this version leads to never changes. */
const VERSIONED = 'public, max-age=31536000, immutable';

/** What a link without a version leads to may change with the next release. */
const UNVERSIONED = 'public, max-age=86400';

/** Between two releases, a page of one replica asks another one for the version that this one lacks. */
const OTHER_VERSION = 'no-cache';

/**
 * Serves the files of pages as `build.js` has compressed them, in the coding that the client wants most. A range is
 * one of the bytes in that coding, whose ETag is its own.
 *
 * @param folder holds a folder for each content coding, and the files' versions
 */
export function servePrecompressedFiles(folder: URL): RequestHandler {
  const versions = readFileVersions(folder);
  const filesIn = (coding: ContentCoding): RequestHandler =>
    express.static(fileURLToPath(new URL(`${coding}/`, folder)), {
      index: false,
      redirect: false,
      setHeaders(response, path) {
        response.setHeader('Cache-Control', cachingOf(versions[basename(path)], response.req));
        if (coding !== 'identity') {
          response.setHeader('Content-Encoding', coding);
        }
      },
    });
  const plain = filesIn('identity');
  const compressed = { br: filesIn('br'), gzip: filesIn('gzip') };

  return (request, response, next) => {
    const coding = negotiateCoding(request, response);
    if (coding === 'identity') {
      plain(request, response, next);
      return;
    }
    compressed[coding](request, response, (error?: unknown) => {
      // Whatever is said instead, such as that the range lies outside of the file, is said in no coding.
      response.removeHeader('Content-Encoding');
      if (error === undefined) {
        // Pictures are kept plain alone.
        plain(request, response, next);
      } else {
        next(error);
      }
    });
  };
}

function cachingOf(version: string | undefined, { query }: Request): string {
  if (query.v === undefined) {
    return UNVERSIONED;
  }
  return query.v === version ? VERSIONED : OTHER_VERSION;
}
