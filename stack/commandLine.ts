import { QuickstartError } from './failure.js';

export interface CommandLine<Options> {
  /** Throws an error that says what is wrong with the arguments. */
  readOptions: (args: readonly string[]) => Options;
  /** Shown below what is wrong with the arguments. */
  usage: string;
  /** Resolves to the exit code. */
  run: (options: Options) => Promise<number>;
  /** The exit code where `run` fails; 1 unless given. */
  failed?: number;
}

/** Runs a command with the arguments of this process; resolves to the exit code, which is 2 where they are wrong. */
export async function runCommandLine<Options>(command: CommandLine<Options>): Promise<number> {
  const { readOptions, usage, run, failed = 1 } = command;
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  try {
    return await run(options);
  } catch (error) {
    process.stderr.write(`\n${describeFailure(error)}\n`);
    return failed;
  }
}

/** The sentence of a QuickstartError; of any other error, its stack. */
export function describeFailure(error: unknown): string {
  if (error instanceof QuickstartError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
