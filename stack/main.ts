import { fileURLToPath } from 'node:url';

import { describeFailure } from './commandLine.js';
import { withReleasers } from './releasers.js';
import { createReport } from './report.js';
import { tellStory } from './story.js';
import { pause } from './wait.js';

const USAGE = `Usage: npm run quickstart [-- --once]

Starts Redis, a Celery worker, Flower and the service, and runs one task.
  --once   Stop everything after the task has completed.
`;

// One Ctrl-C under npm arrives twice: from the terminal, and passed on by npm.
const SAME_KEYPRESS_MS = 500;

const options = parseArguments(process.argv.slice(2));
if (options) {
  process.exitCode = await quickstart(options);
} else {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}

/** Resolves to the exit code. */
async function quickstart({ once }: { once: boolean }): Promise<number> {
  const report = createReport(process.stdout, process.env);
  const stopping = new AbortController();
  const { signal } = stopping;
  const interruption = listenForInterruption(stopping);
  // The reader of the output may go away (a closed terminal, `| head`); the processes are stopped
  // in good order all the same.
  process.stdout.on('error', () => {
    stopping.abort(interruption);
  });
  try {
    await withReleasers(async (releaseLater) => {
      try {
        const addresses = await tellStory({
          projectFolder: fileURLToPath(new URL('../../', import.meta.url)),
          environment: process.env,
          report,
          releaseLater,
          fail: (error) => {
            stopping.abort(error);
          },
          signal,
        });
        if (!once) {
          report.print(`${addresses}\nPress Ctrl-C to stop everything.`);
          await untilAborted(signal);
        }
      } catch (error) {
        // The end of a process breaks other things, such as a request to it, which may be noticed
        // just before the end itself; only the end is worth telling.
        await pause(200, signal);
        throw error;
      }
    });
    return 0;
  } catch (error) {
    if (error === interruption) return once ? 1 : 0;
    process.stderr.write(`\n${describeFailure(error)}\n`);
    return 1;
  }
}

function parseArguments(given: readonly string[]): { once: boolean } | undefined {
  const known = given.every((argument) => argument === '--once');
  return known ? { once: given.length > 0 } : undefined;
}

/** Aborts with the returned error at the first Ctrl-C, SIGTERM or SIGHUP; the second ends at once. */
function listenForInterruption(stopping: AbortController): Error {
  const interruption = new Error('Interrupted');
  let firstAt: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const now = performance.now();
      firstAt ??= now;
      stopping.abort(interruption);
      // Leaving kills whatever still runs: see guardGroup.
      if (now - firstAt > SAME_KEYPRESS_MS) process.exit(130);
    });
  }
  return interruption;
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
    if (signal.aborted) resolve(undefined);
  });
  throw signal.reason;
}
