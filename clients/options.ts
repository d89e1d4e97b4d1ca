import { parseArgs } from 'node:util';

export const LANGUAGES = ['typescript', 'python', 'java'] as const;
export type Language = (typeof LANGUAGES)[number];

export const USAGE = `Usage: npm run clients [-- LANGUAGES... --url URL]

Makes a client of the contract of the running service, and runs the same program with it, in each language.

  LANGUAGES  some of ${LANGUAGES.join(', ')}; all of them unless named
  --url URL  a service that runs already, whose key is in ORCHESTRATOR_API_KEY if it has any; its workers are
             given two tasks that pretend to work. Without it, Redis, a worker and the service are started.
`;

export interface Options {
  languages: readonly Language[];
  /** Whether they were named: then none of them may be left out. */
  areNamed: boolean;
  /** Without a slash at its end. */
  url: string | undefined;
}

/** Throws an error that says what is wrong with the arguments. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { url: { type: 'string' } },
  });
  const unknown = positionals.find((name) => !LANGUAGES.some((language) => language === name));
  if (unknown !== undefined) {
    throw new Error(`There is no program in ${unknown}`);
  }
  if (values.url !== undefined && !/^https?:\/\//.test(values.url)) {
    throw new Error(`--url is no http:// or https:// address: ${values.url}`);
  }
  return {
    areNamed: positionals.length > 0,
    languages: LANGUAGES.filter((name) => positionals.length === 0 || positionals.includes(name)),
    url: values.url?.replace(/\/+$/, ''),
  };
}
