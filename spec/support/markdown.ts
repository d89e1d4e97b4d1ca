/**
 * The rows of the first table below a heading, each a list of its cells without their backticks.
 *
 * @param heading as it is written, such as `## Alerts`
 */
export function tableBelow(page: string, heading: string): string[][] {
  const start = page.indexOf(`\n${heading}\n`);
  const [table = ''] = /(?:^\|.*\n)+/m.exec(start < 0 ? '' : page.slice(start)) ?? [];
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}
