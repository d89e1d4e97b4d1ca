import { parseArgs } from 'node:util';

import { AGAINST_CASES, CASES, type Case } from './cases.js';
import { CONTENDERS, type ContenderName } from './contenders.js';

export const USAGE = `Usage: npm run bench [-- OPTIONS]

Measures this service, its peers in FastAPI and in Go (where Go is) and a bare HTTP server under the same load.

  --quick           one short round of each, in under a minute
  --only NAMES      some cases or contenders, separated by commas:
                    ${CASES.map(({ name }) => name).join(', ')};
                    ${CONTENDERS.join(', ')}
  --profile FOLDER  writes a CPU profile (.cpuprofile) of the service, and of the floor, into a folder
  --write-readme    puts the figures into README.md, docs/speed.md and docs/speed.svg
  --curves          measures by connections, queue depth, payload and processes instead
  --waiting         measures how soon clients that wait for a task hear of its end, and what many of them cost
  --against FOLDER  measures the CPU time per request of this build and of the one in FOLDER (its dist), in
                    alternating rounds at 32 and at 1,000 connections; --only names cases
  --guard           holds the ratios against bench/guard.json instead, and exits with 1 beyond them
`;

export interface Options {
  mode: 'table' | 'curves' | 'waiting' | 'guard' | 'against';
  quick: boolean;
  cases: readonly Case[];
  /** Undefined for all that this machine has. */
  contenders: readonly ContenderName[] | undefined;
  profileFolder: string | undefined;
  /** The folder `dist` of another build to compare with. */
  against: string | undefined;
  writesReadme: boolean;
}

/** Throws an error that says what is wrong with the arguments. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      profile: { type: 'string' },
      'write-readme': { type: 'boolean', default: false },
      curves: { type: 'boolean', default: false },
      waiting: { type: 'boolean', default: false },
      guard: { type: 'boolean', default: false },
      against: { type: 'string' },
    },
  });
  const { curves, waiting, guard, ...ofTable } = values;
  const others = Object.entries(ofTable).filter(([, value]) => value !== false && value !== '');
  const modes = Number(curves) + Number(waiting) + Number(guard);
  if (modes > 0 && modes + others.length > 1) {
    throw new Error('--curves, --waiting and --guard take no other option');
  }
  const names = values.only.split(',').filter((name) => name !== '');
  const cases = CASES.filter(({ name }) => names.includes(name));
  const contenders = CONTENDERS.filter((name) => names.includes(name));
  const unknown = names.find(
    (name) => !cases.some((work) => work.name === name) && !contenders.some((it) => it === name),
  );
  if (unknown !== undefined) throw new Error(`--only: there is no ${unknown}`);
  if (values.against !== undefined && (modes > 0 || contenders.length > 0)) {
    throw new Error('--against takes no other option but --only with names of cases');
  }
  if (names.length > 0 && values['write-readme']) {
    throw new Error('--write-readme needs all cases and contenders: leave --only out');
  }
  return {
    mode: modeOf(values),
    quick: values.quick,
    cases: cases.length > 0 ? cases : values.against === undefined ? CASES : AGAINST_CASES,
    contenders: contenders.length === 0 ? undefined : contenders,
    profileFolder: values.profile,
    against: values.against,
    writesReadme: values['write-readme'],
  };
}

function modeOf(values: {
  curves: boolean;
  waiting: boolean;
  guard: boolean;
  against?: string | undefined;
}): Options['mode'] {
  if (values.against !== undefined) return 'against';
  return (['curves', 'waiting', 'guard'] as const).find((mode) => values[mode]) ?? 'table';
}
