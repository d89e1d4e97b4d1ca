import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { Script } from 'node:vm';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';
import { runCommand } from '../../stack/process.js';
import { pageAt, readPages, type Block } from '../support/documents/markdown.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';

const pages = readPages();

/** How the text of a fence is read. Those of `sh` in README.md and docs/api.md are run by commands.spec.ts. */
const READERS: Readonly<Record<string, (block: Block) => void | Promise<void>>> = {
  sh: () => undefined,
  text: () => undefined,
  json: ({ text }) => void JSON.parse(text),
  jsonl: ({ text }) => {
    for (const line of text.trimEnd().split('\n')) JSON.parse(line);
  },
  yaml: ({ text }) => {
    for (const { errors } of parseAllDocuments(text)) assert.deepEqual(errors, []);
  },
  js: ({ text }) => {
    assertTypeScript(text);
    // A script of a page may wait as a module does.
    if (!/^(import|export) /m.test(text)) new Script(`(async () => {\n${text}\n})`);
  },
  ts: ({ text }) => {
    assertTypeScript(text);
  },
  python: readPython,
};

describe('The documents', () => {
  it('link to what there is', () => {
    const anchors = new Map(pages.map((page) => [page.path, page.anchors]));
    const broken = pages.flatMap(({ path, links }) =>
      links
        .filter(({ target }) => !/^(https?|mailto):/.test(target))
        .filter(({ target }) => {
          const [file = '', anchor] = target.split('#');
          const linked = file === '' ? path : normalize(join(dirname(path), file));
          const isThere = existsSync(join(REPOSITORY, linked));
          return !isThere || (anchor !== undefined && !anchors.get(linked)?.has(anchor));
        })
        .map(({ target, line }) => `${path}:${line} -> ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('are all reached from README.md', () => {
    const reached = new Set<string>();
    const reach = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const { target } of pages.find((page) => page.path === path)?.links ?? []) {
        const [file = ''] = target.split('#');
        if (file.endsWith('.md') && !file.includes(':'))
          reach(normalize(join(dirname(path), file)));
      }
    };
    reach('README.md');
    assert.deepEqual(
      pages.map(({ path }) => path).filter((path) => !reached.has(path)),
      [],
    );
  });

  for (const { page, line, language, text } of pages.flatMap(({ blocks }) => blocks)) {
    it(`have a block that can be read: ${page}:${line}`, async () => {
      const read = READERS[language];
      assert.ok(read, `it says ${language || 'no language'}, not ${Object.keys(READERS).join()}`);
      await read({ page, line, language, text });
    });
  }

  it('list the variables of .env.template, and no other', () => {
    const template = readFileSync(`${REPOSITORY}.env.template`, 'utf8');
    const variables = [...template.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
    const table = pageAt(pages, 'docs/configuration.md').prose.match(/^\| `[A-Z][^|]*\|/gm) ?? [];
    const listed = table.flatMap((cell) => cell.match(/[A-Z][A-Z0-9_]+/g) ?? []);
    assert.deepEqual(listed.sort(), variables.sort());
  });
});

function assertTypeScript(text: string): void {
  const { diagnostics } = ts.transpileModule(text, {
    reportDiagnostics: true,
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext },
  });
  assert.deepEqual(
    diagnostics?.map(({ messageText }) => messageText),
    [],
  );
}

async function readPython({ text }: Block): Promise<void> {
  const { code, output } = await runCommand({
    name: 'Python',
    command: theFleet().python.python,
    arguments: ['-c', 'import ast, sys; ast.parse(sys.argv[1])', text],
    environment: process.env,
    folder: REPOSITORY,
  });
  assert.equal(code, 0, output.join('\n'));
}
