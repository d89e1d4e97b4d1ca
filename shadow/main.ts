import { runCommandLine } from '../stack/commandLine.js';
import { readOptions, USAGE } from './options.js';
import { shadow } from './shadow.js';

process.exitCode = await runCommandLine({
  readOptions: (args) => readOptions(args, process.env),
  usage: USAGE,
  run: async (options) => (await shadow(options, print)).exitCode,
  // 1 says that something differs.
  failed: 2,
});

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
