/** One line of the table that ends the run. A figure that a scenario has not is left out. */
export interface Figures {
  scenario: string;
  requests?: number;
  /** Answered with 200. */
  ok?: number;
  others?: string;
  lost?: number;
  doubled?: number;
  wronglyNo?: number;
  /** The longest recovery or answer, whichever the scenario is about. */
  longest?: string;
  remark?: string;
}

const COLUMNS: readonly (readonly [heading: string, key: keyof Figures])[] = [
  ['scenario', 'scenario'],
  ['requests', 'requests'],
  ['200', 'ok'],
  ['other answers', 'others'],
  ['lost', 'lost'],
  ['doubled', 'doubled'],
  ['wrongly "no"', 'wronglyNo'],
  ['longest', 'longest'],
  ['remark', 'remark'],
];

const lines: Figures[] = [];

/** Adds a line to the table. Do so before the assertions, so that it tells of what failed too. */
export function report(figures: Figures): void {
  lines.push(figures);
}

/** Runs once after all scenarios. */
export function mochaGlobalTeardown(): void {
  const rows = [
    COLUMNS.map(([heading]) => heading),
    ...lines.map((line) => COLUMNS.map(([, key]) => String(line[key] ?? '-') || '-')),
  ];
  const widths = COLUMNS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const texts = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' | ')
      .trimEnd(),
  );
  texts.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('-|-'));
  process.stdout.write(`\n${texts.join('\n')}\n`);
}
