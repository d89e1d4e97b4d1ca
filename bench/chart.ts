import type { Results } from './runTable.js';
import type { ContenderName } from './contenders.js';
import { machineText } from './machine.js';
import { figure } from './textTable.js';

const WIDTH = 860;
const MARGIN = 24;
const PANELS_PER_ROW = 2;
const PANEL_WIDTH = (WIDTH - MARGIN * (PANELS_PER_ROW + 1)) / PANELS_PER_ROW;
const LABEL_WIDTH = 128;
const VALUE_WIDTH = 60;
const BAR_HEIGHT = 18;
const BAR_STEP = 24;
const TOP = 92;

const NAMES: Readonly<Record<ContenderName, string>> = {
  service: 'This service',
  'peer-sync': 'FastAPI, def',
  'peer-async': 'FastAPI, async def',
  'peer-go': 'Go, net/http',
  floor: 'Bare node:http',
};

// A background of its own, since whoever shows the picture may follow another scheme than the reader's
// browser does.
const STYLE = `
  svg { font-family: system-ui, sans-serif; font-size: 13px }
  .ground { fill: #ffffff } text { fill: #1f2328 } .faint { fill: #59636e; font-size: 12px }
  .title { font-size: 18px; font-weight: 600 } .case { font-weight: 600 }
  .bar { fill: #9aa4ae } .bar.service { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #f0f6fc } .faint { fill: #9198a1 }
    .bar { fill: #656c76 } .bar.service { fill: #3fb950 }
  }
`;

/**
 * The CPU time per request as an SVG picture: a panel for each case, with a scale of its own that
 * begins at zero, and a bar for each contender.
 */
export function speedChart({ rows, machine, measuredAt, effort }: Results): string {
  const cases = [...new Set(rows.map((row) => row.case))];
  const bars = Math.max(...cases.map((name) => rows.filter((row) => row.case === name).length));
  const panelHeight = 28 + bars * BAR_STEP + 16;
  const height = TOP + Math.ceil(cases.length / PANELS_PER_ROW) * panelHeight;
  const panels = cases.flatMap((name, index) => {
    const x = MARGIN + (index % PANELS_PER_ROW) * (PANEL_WIDTH + MARGIN);
    const y = TOP + Math.floor(index / PANELS_PER_ROW) * panelHeight;
    return panel(
      name,
      rows.filter((row) => row.case === name),
      x,
      y,
    );
  });
  const title = 'CPU time per request in µs: less is better';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    text(MARGIN, 36, title, 'title'),
    text(
      MARGIN,
      56,
      `${effort.connections} connections, one process each. Each case has its own scale.`,
      'faint',
    ),
    text(MARGIN, 73, `${machineText(machine)}; ${measuredAt.slice(0, 10)}`, 'faint'),
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function panel(name: string, rows: Results['rows'], x: number, y: number): string[] {
  const costs = rows.map((row) => row.cpuMicrosecondsPerRequest ?? 0);
  const scale = (PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH) / Math.max(...costs, 1);
  return [
    text(x, y + 16, name, 'case'),
    ...rows.flatMap((row, index) => {
      const barY = y + 28 + index * BAR_STEP;
      const length = Math.max(1, (costs[index] ?? 0) * scale);
      const barX = x + LABEL_WIDTH;
      return [
        text(x, barY + 14, NAMES[row.contender]),
        `<rect class="bar ${row.contender}" x="${barX}" y="${barY}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
        text(barX + length + 6, barY + 14, figure(row.cpuMicrosecondsPerRequest)),
      ];
    }),
  ];
}

function text(x: number, y: number, content: string, style?: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const attribute = style === undefined ? '' : ` class="${style}"`;
  return `<text${attribute} x="${x.toFixed(1)}" y="${y}">${escaped}</text>`;
}
