import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { Script } from 'node:vm';
import ts from 'typescript';
import { parse, parseAllDocuments } from 'yaml';
import { runCommand } from '../../stack/process.js';
import { filesOf } from '../support/documents/kept.js';
import { pageAt, readPages, type Block, type Page } from '../support/documents/markdown.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';

const pages = readPages();
/** What tells of the present; a change log names what has gone, too. */
const present = pages.filter(({ path }) => path !== 'CHANGELOG.md');

/** How what a fence names is read. `sh` is run by spec/commands.spec.ts. */
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

  it('name variables that something here reads', () => {
    const known = filesOf('').filter((path) => !path.endsWith('.md'));
    const text = known.map((path) => readFileSync(join(REPOSITORY, path), 'utf8')).join('\n');
    const words = new Set(text.match(/\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b/g));
    // Those of OpenTelemetry and of Node.js are read by their packages.
    const isForeign = (name: string): boolean => /^(OTEL|NODE)_/.test(name);
    assert.deepEqual(
      namesIn(present, /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g).filter(
        ({ name }) => !words.has(name) && !isForeign(name),
      ),
      [],
    );
  });

  it('name commands of package.json', () => {
    const { scripts } = JSON.parse(readFileSync(`${REPOSITORY}package.json`, 'utf8')) as {
      scripts: Record<string, string>;
    };
    const wanted = namesIn(present, /(?<=\bnpm run )[\w:]+/g);
    assert.ok(wanted.length > 5);
    assert.deepEqual(
      wanted.filter(({ name }) => !(name in scripts)),
      [],
    );
  });

  it('name files and folders that there are', () => {
    // The bench and the service make these two.
    const isMade = (name: string): boolean => /^(bench\/results|logs)\//.test(name);
    const folders = readdirSync(REPOSITORY, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name.replaceAll('.', '\\.'));
    const pattern = new RegExp(`(?<=\`)(?:${folders.join('|')})/[\\w./-]*(?=\`)`, 'g');
    const named = namesIn(present, pattern);
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(({ name }) => !isMade(name) && !existsSync(join(REPOSITORY, name))),
      [],
    );
  });

  it('name routes that the contract has', () => {
    const { paths } = parse(readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8')) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${withoutSlash(path)}`),
    );
    const named = namesIn(present, /(?<=`)(?:GET|POST|WS) \/[\w/{}.-]*/g);
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(({ name }) => {
        const [method = '', path = ''] = name.split(' ');
        // A WebSocket begins as a GET; what stands for every task may be left out.
        const route = `${method.replace('WS', 'get').toLowerCase()} ${withoutSlash(path)}`;
        return !routes.includes(route) && !routes.includes(`${route}/{task_id}`);
      }),
      [],
    );
  });

  it('name metrics that the service has', () => {
    const source = filesOf('src/metrics/').map((path) =>
      readFileSync(join(REPOSITORY, path), 'utf8'),
    );
    const named = namesIn(present, /\borchestrator_[a-z_]+/g);
    assert.ok(named.length > 5);
    assert.deepEqual(
      named.filter(
        ({ name }) => !source.join('\n').includes(name.replace(/_(bucket|sum|count)$/, '')),
      ),
      [],
    );
  });

  it('list the variables of .env.template, and no other', () => {
    const template = readFileSync(`${REPOSITORY}.env.template`, 'utf8');
    const variables = [...template.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
    const table = pageAt(pages, 'docs/configuration.md').prose.match(/^\| `[A-Z][^|]*\|/gm) ?? [];
    const listed = table.flatMap((cell) => cell.match(/[A-Z][A-Z0-9_]+/g) ?? []);
    assert.deepEqual(listed.sort(), variables.sort());
  });
});

/** Where a pattern matches, `PAGE:LINE`, in the text and in its blocks. */
function namesIn(of: readonly Page[], pattern: RegExp): { name: string; where: string }[] {
  return of.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map((match) => ({
      name: match[0],
      where: `${path}:${text.slice(0, match.index).split('\n').length}`,
    })),
  );
}

function withoutSlash(path: string): string {
  return path.replace(/(.)\/$/, '$1');
}

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
