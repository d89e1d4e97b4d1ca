import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../fleet.js';
import { filesOf } from './kept.js';

/** A page of the documents. */
export interface Page {
  /** From the repository's folder, such as `docs/api.md`. */
  path: string;
  text: string;
  blocks: Block[];
  /** The text without what its fences enclose; lines keep their numbers. */
  prose: string;
  /** What links may name behind `#`, as GitHub makes it of the headings. */
  anchors: ReadonlySet<string>;
  links: { target: string; line: number }[];
}

/** What a fence encloses. */
export interface Block {
  page: string;
  /** Of its first line, counted from 1. */
  line: number;
  /** The word behind the fence; empty where there is none. */
  language: string;
  text: string;
}

const FENCE = /^([ \t]*)(`{3,}|~{3,})[ \t]*(\S*).*\n([^]*?)^\1\2[ \t]*$/gm;

/** `[text](target)` and `![text](target)`; the text may hold a picture of its own. */
const LINK = /!?\[(?:[^[\]]|!\[[^\]]*\]\([^)]*\))*\]\(([^()\s]+)\)/g;
const PICTURE = /!\[[^\]]*\]\(([^()\s]+)\)/g;

/** Every page of the repository, README.md first and then by path. */
export function readPages(): Page[] {
  // Tools keep pages of their own in hidden folders.
  const own = filesOf('').filter((path) => /^[^.].*\.md$/.test(path) && !path.includes('/.'));
  const paths = own.sort((one, other) => one.localeCompare(other, 'en'));
  const first = (path: string): number => (path === 'README.md' ? 0 : 1);
  return paths.sort((one, other) => first(one) - first(other)).map(readPage);
}

/** @throws AssertionError where there is none */
export function pageAt(pages: readonly Page[], path: string): Page {
  const page = pages.find((it) => it.path === path);
  assert.ok(page, `there is no ${path}`);
  return page;
}

function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(REPOSITORY, path), 'utf8'));
}

function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const prose = text.replace(
    FENCE,
    (whole, indentation: string, _fence, language: string, inside: string, offset: number) => {
      blocks.push({
        page: path,
        line: lineAt(text, offset) + 1,
        language,
        text: inside.replaceAll(new RegExp(`^${indentation}`, 'gm'), ''),
      });
      return whole.replaceAll(/[^\n]/g, '');
    },
  );
  const links = [LINK, PICTURE].flatMap((pattern) =>
    [...prose.matchAll(pattern)].map(({ 1: target = '', index }) => ({
      target,
      line: lineAt(prose, index),
    })),
  );
  return { path, text, blocks, prose, anchors: anchorsOf(prose), links };
}

function anchorsOf(prose: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = heading
      .replaceAll(/\]\([^)]*\)/g, '')
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\p{Mark}_ -]/gu, '')
      .replaceAll(' ', '-');
    let numbered = anchor;
    for (let count = 1; anchors.has(numbered); count += 1) {
      numbered = `${anchor}-${count}`;
    }
    anchors.add(numbered);
  }
  return anchors;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
