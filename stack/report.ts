import { styleText } from 'node:util';

export interface Report {
  /** One line, set in below the step it belongs to. */
  say: (line: string) => void;
  /** Lines as they are. */
  print: (text: string) => void;
  /** Runs one step, then prints what `describe` makes of its value, with the time it took. */
  step: <T>(work: () => Promise<T>, describe: (value: T) => string) => Promise<T>;
}

/** Tells the story on `stream`; in plain text unless that is a terminal. */
export function createReport(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Report {
  const colourful = stream.isTTY && !environment.NO_COLOR;
  const paint = (colour: 'green' | 'dim', text: string): string =>
    colourful ? styleText(colour, text) : text;
  const print = (text: string): void => {
    stream.write(`${text}\n`);
  };
  return {
    print,
    say: (line) => {
      print(paint('dim', `  ${line}`));
    },
    step: async (work, describe) => {
      const start = performance.now();
      const value = await work();
      const seconds = (performance.now() - start) / 1000;
      const time = paint('dim', `(${seconds.toFixed(seconds < 10 ? 1 : 0)} s)`);
      print(`${paint('green', '✓')} ${describe(value)} ${time}`);
      return value;
    },
  };
}
