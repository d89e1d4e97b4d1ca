/** One line of Prometheus's text format. */
export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** Reads Prometheus's text format 0.0.4. Throws an Error that quotes a line which is none. */
export function samplesIn(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const parts = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (parts === null) {
        throw new Error(`No sample: ${line}`);
      }
      const [, name = '', labels = '', value = ''] = parts;
      return { name, labels: labelsIn(labels), value: Number(value) };
    });
}

/** The sum of the samples of this name that have these labels. NaN where there are none. */
export function sumIn(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const values = samplesIn(text)
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .map(({ value }) => value);
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0);
}

function labelsIn(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, unescaped(value)]));
}

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
