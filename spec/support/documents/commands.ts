import { spawnSync } from 'node:child_process';
import type { Block } from './markdown.js';

/** A command of a block, as a reader would type it. */
export interface Command {
  text: string;
  /** In its page, counted from 1. */
  line: number;
  /** What the comment below it shows of its output: JSON, see `parseExample`. */
  example: string | undefined;
}

/**
 * The commands of a block. A line of its own that begins with `# {` or `# [` is what the command above
 * it gives; any other comment is for people.
 */
export function commandsOf(block: Block): Command[] {
  const commands: Command[] = [];
  let begun: string[] = [];
  for (const [index, line] of block.text.trimEnd().split('\n').entries()) {
    const isBetween = begun.length === 0;
    const last = commands.at(-1);
    if (isBetween && /^# [{[]/.test(line) && last !== undefined && last.example === undefined) {
      last.example = line.slice(2);
    } else if (!isBetween || !/^\s*(#|$)/.test(line)) {
      begun.push(line);
      const text = begun.join('\n');
      if (isComplete(text)) {
        commands.push({ text, line: block.line + index + 1 - begun.length, example: undefined });
        begun = [];
      }
    }
  }
  if (begun.length > 0) {
    throw new Error(`${block.page}:${block.line}: a command without an end: ${begun.join('\n')}`);
  }
  return commands;
}

/** The command without the comment behind it. */
export function withoutComment(command: string): string {
  return command.replace(/\s+# .*$/, '').trim();
}

function isComplete(text: string): boolean {
  const hereDocument = /<<-?\s*(['"]?)(\w+)\1/.exec(text)?.[2];
  if (hereDocument !== undefined) {
    return text
      .split('\n')
      .slice(1)
      .some((line) => line.trim() === hereDocument);
  }
  return !text.endsWith('\\') && spawnSync('bash', ['-n'], { input: `${text}\n` }).status === 0;
}
