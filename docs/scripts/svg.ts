import { widthOf } from '../../src/cli/views/text-width.js';
import type { Frame } from './pick-frames.js';
import type { Run, Screen } from './recorder.js';

export interface SvgOptions {
  readonly columns: number;
  /** For those who cannot see it, and above the terminal. */
  readonly title: string;
}

/** Of a character, in pixels. */
const [cellWidth, cellHeight, fontSize] = [8, 18, 13];
const padding = 16;
const barHeight = 36;

/** Of the 16 colours those that the command line uses, on light and on dark ground. */
const palette = {
  1: ['#cf222e', '#ff7b72'],
  2: ['#116329', '#56d364'],
  3: ['#7d4e00', '#e3b341'],
  4: ['#0969da', '#79c0ff'],
  5: ['#8250df', '#d2a8ff'],
  6: ['#0b6e74', '#56d4dd'],
} as const;

/**
 * Frames of a terminal as one SVG that needs nothing else: it moves by CSS, follows the reader's light or dark scheme,
 * and for readers who want no movement it shows the last frame.
 */
export function svgOf(frames: readonly Frame[], { columns, title }: SvgOptions): string {
  const rows = Math.max(...frames.map(({ screen }) => usedRows(screen)));
  const width = columns * cellWidth + 2 * padding;
  const height = rows * cellHeight + barHeight + padding;
  const total = frames.reduce((sum, { shows }) => sum + shows, 0);
  let begins = 0;
  const timed = frames.map((frame, index) => {
    const from = (begins / total) * 100;
    begins += frame.shows;
    return { ...frame, index, from, until: (begins / total) * 100 };
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" width="${String(width)}" height="${String(height)}" role="img" aria-label="${escaped(title)}">
<title>${escaped(title)}</title>
<style>
${styleOf(total, timed)}
</style>
<rect class="ground" width="100%" height="100%" rx="8"/>
<circle class="dot" cx="22" cy="18" r="5"/><circle class="dot" cx="40" cy="18" r="5"/><circle class="dot" cx="58" cy="18" r="5"/>
<text class="title" x="${String(width / 2)}" y="22" text-anchor="middle">${escaped(title)}</text>
${timed.map(({ screen, index }) => frameOf(screen, index, index === frames.length - 1)).join('\n')}
</svg>
`;
}

function styleOf(total: number, frames: readonly { index: number; from: number; until: number }[]): string {
  const colours = (scheme: 0 | 1): string =>
    Object.entries(palette)
      .map(([color, both]) => `.c${color}{fill:${both[scheme]}}`)
      .join('');
  const percent = (value: number): string => `${value.toFixed(2)}%`;
  return [
    `text{font:${String(fontSize)}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:#1f2328}`,
    `.ground{fill:#f6f8fa;stroke:#d1d9e0}.dot{fill:#d1d9e0}.title{fill:#59636e}.b{font-weight:bold}.d{opacity:.65}${colours(0)}`,
    `@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117;stroke:#30363d}.dot{fill:#30363d}.title{fill:#9198a1}${colours(1)}}`,
    `.f{visibility:hidden;animation-duration:${String(total)}ms;animation-iteration-count:infinite;animation-timing-function:step-end}`,
    ...frames.map(
      ({ index, from, until }) =>
        `.f${String(index)}{animation-name:k${String(index)}}@keyframes k${String(index)}{0%{visibility:${from === 0 ? 'visible' : 'hidden'}}${percent(from)}{visibility:visible}${percent(until)}{visibility:${until >= 100 ? 'visible' : 'hidden'}}}`,
    ),
    // Last, so that it holds wherever nothing moves.
    '.last{visibility:visible}@media(prefers-reduced-motion:reduce){.f{animation:none!important}}',
  ].join('\n');
}

function frameOf(screen: Screen, index: number, isLast: boolean): string {
  const rows = screen.flatMap((runs, row) => runs.map((run) => textOf(run, row)));
  return `<g class="f f${String(index)}${isLast ? ' last' : ''}">\n${rows.join('\n')}\n</g>`;
}

function textOf({ column, text, color, bold, dim }: Run, row: number): string {
  const indent = text.length - text.trimStart().length;
  const shown = text.slice(indent);
  const classes = [
    ...(color === undefined ? [] : [`c${String(color % 8)}`]),
    ...(bold ? ['b'] : []),
    ...(dim ? ['d'] : []),
  ];
  const named = classes.length === 0 ? '' : ` class="${classes.join(' ')}"`;
  const x = padding + (column + indent) * cellWidth;
  const y = barHeight + row * cellHeight + fontSize;
  // Whatever font the reader has, each run is as wide as its cells.
  const length = widthOf(shown) * cellWidth;
  return `<text x="${String(x)}" y="${String(y)}" textLength="${String(length)}"${named}>${escaped(shown)}</text>`;
}

function usedRows(screen: Screen): number {
  return screen.findLastIndex((runs) => runs.length > 0) + 1;
}

/** For text and attributes of an SVG. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/gu, (it) => `&#${String(it.charCodeAt(0))};`);
}
