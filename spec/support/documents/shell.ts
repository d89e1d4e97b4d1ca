import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { forgetGroup, guardGroup, signalGroup } from '../../../stack/processGroup.js';
import { eventually } from '../eventually.js';

/** A reader's terminal: what a command changes, such as its folder, holds for the next one. */
export interface Shell {
  /** Runs a command to its end. */
  run: (command: string, limitMs: number) => Promise<{ status: number; output: string }>;
  /**
   * Starts a command that stays up, and waits until its output has a match of `ready`. It gets
   * SIGINT, as by Ctrl-C, when it or the shell is to stop, and must end then.
   */
  start: (command: string, ready: RegExp, limitMs: number) => Promise<Started>;
  close: () => Promise<void>;
}

export interface Started {
  output: () => Promise<string>;
  /** Resolves when its whole process group has gone. */
  stop: () => Promise<void>;
}

const STOP_LIMIT_MS = 30_000;

export async function openShell(folder: string, environment: NodeJS.ProcessEnv): Promise<Shell> {
  const files = await mkdtemp(join(tmpdir(), 'documents-shell-'));
  const bash = spawn('bash', ['--noprofile', '--norc'], {
    cwd: folder,
    env: environment,
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(bash, 'spawn');
  const { pid } = bash;
  assert.ok(pid !== undefined);
  guardGroup(pid);
  const lines: string[] = [];
  createInterface({ input: bash.stdout }).on('line', (line) => lines.push(line));
  let count = 0;
  const started: Started[] = [];

  /** Has bash take a text that prints one line when it is done; resolves to that line. */
  const tell = async (text: string, what: string, limitMs: number): Promise<string> => {
    bash.stdin.write(`${text}\n`);
    return eventually(`the end of ${what}`, () => lines.shift(), limitMs);
  };
  const nextFile = (): string => join(files, String((count += 1)));

  return {
    async run(command, limitMs) {
      const file = nextFile();
      const told = `{\n${command}\n} >'${file}' 2>&1 </dev/null\nprintf '%s\\n' "$?"`;
      const status = await tell(told, command, limitMs).catch(async (error: unknown) => {
        const output = await readFile(file, 'utf8').catch(() => '');
        throw new Error(`${String(error)}\n${output}`);
      });
      return { status: Number(status), output: await readFile(file, 'utf8') };
    },
    async start(command, ready, limitMs) {
      const file = nextFile();
      await writeFile(file, '');
      // As a job of its own, so that Ctrl-C reaches all of it and nothing else.
      const told = `set -m\n{\n${command}\n} >'${file}' 2>&1 </dev/null &\nprintf '%s\\n' "$!"\nset +m`;
      const group = Number(await tell(told, command, STOP_LIMIT_MS));
      guardGroup(group);
      const it: Started = {
        output: () => readFile(file, 'utf8'),
        async stop() {
          signalGroup(group, 'SIGINT');
          await eventually(
            `the end of ${command} after Ctrl-C`,
            () => (isThere(group) ? undefined : true),
            STOP_LIMIT_MS,
          );
          forgetGroup(group);
        },
      };
      started.push(it);
      await eventually(
        `${command} shows ${String(ready)}`,
        async () => {
          const output = await it.output();
          assert.ok(isThere(group), `${command} has ended:\n${output}`);
          return ready.test(output) ? true : undefined;
        },
        limitMs,
      );
      return it;
    },
    async close() {
      for (const it of started.reverse()) await it.stop();
      const ended = once(bash, 'close');
      bash.stdin.end();
      await ended;
      forgetGroup(pid);
      await rm(files, { recursive: true, force: true });
    },
  };
}

function isThere(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}
