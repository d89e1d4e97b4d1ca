import { ShadowError } from './failure.js';
import { readOptions, USAGE, type Options } from './options.js';
import { shadow } from './shadow.js';

/** Ends with this where nothing could be compared. */
const FAILED = 2;

const options = readOptionsOrExplain(process.argv.slice(2));
process.exitCode =
  options === undefined
    ? FAILED
    : await shadow(options, print).then(({ exitCode }) => exitCode, explain);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function readOptionsOrExplain(args: readonly string[]): Options | undefined {
  try {
    return readOptions(args, process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
}

function explain(error: unknown): number {
  const isOurs = error instanceof ShadowError;
  const text = error instanceof Error && !isOurs ? error.stack : undefined;
  process.stderr.write(`\n${text ?? (isOurs ? error.message : String(error))}\n`);
  return FAILED;
}
