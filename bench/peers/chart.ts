import { escaped } from '../../docs/scripts/svg.js';
import { seconds } from '../table.js';

/** A contender's two bars. */
export interface Bars {
  readonly title: string;
  /** From start to the first trace, in milliseconds; `undefined`: there never was one. */
  readonly undisturbed: number | undefined;
  /** The same with a kill and a second start between. */
  readonly killed: number | undefined;
}

/** In pixels. */
const [width, left, right, top, rowHeight, barHeight] = [760, 170, 90, 64, 58, 20];

/** Bars by contender, as one SVG that needs nothing else and follows the reader's light or dark scheme. */
export function peersChart(contenders: readonly Bars[], title: string): string {
  const height = top + contenders.length * rowHeight + 12;
  const longest = Math.max(...contenders.flatMap(({ undisturbed = 0, killed = 0 }) => [undisturbed, killed]));
  const scale = (width - left - right) / longest;
  const bar = (kind: string, ms: number | undefined, y: number): string => {
    const length = Math.round((ms ?? 0) * scale);
    const text = ms === undefined ? 'no trace' : seconds(ms);
    return [
      `<rect class="${kind}" x="${String(left)}" y="${String(y)}" width="${String(length)}" height="${String(barHeight)}" rx="3"/>`,
      `<text x="${String(left + length + 8)}" y="${String(y + 15)}">${text}</text>`,
    ].join('');
  };
  const rows = contenders.map((contender, index) => {
    const y = top + index * rowHeight;
    return `<text class="name" x="${String(left - 12)}" y="${String(y + 26)}" text-anchor="end">${escaped(contender.title)}</text>
${bar('whole', contender.undisturbed, y)}
${bar('killed', contender.killed, y + barHeight + 3)}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" width="${String(width)}" height="${String(height)}" role="img" aria-label="${escaped(title)}">
<title>${escaped(title)}</title>
<style>
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1f2328}.name{font-weight:600}.ground{fill:#f6f8fa;stroke:#d1d9e0}.whole{fill:#0969da}.killed{fill:#bf8700}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117;stroke:#30363d}.whole{fill:#58a6ff}.killed{fill:#d29922}}
</style>
<rect class="ground" width="100%" height="100%" rx="8"/>
<text class="name" x="16" y="26">${escaped(title)}</text>
<rect class="whole" x="16" y="38" width="12" height="12" rx="2"/><text x="34" y="49">undisturbed</text>
<rect class="killed" x="134" y="38" width="12" height="12" rx="2"/><text x="152" y="49">killed in the middle and started again, both together</text>
${rows.join('\n')}
</svg>
`;
}
