import { modelOf } from '../page/trace/model.js';
import { createPaint } from '../src/cli/views/format.js';
import { renderTracePage } from '../src/cli/views/trace-page.js';
import { renderWaterfall } from '../src/cli/views/waterfall.js';
import { criticalPath } from '../src/domain/critical-path.js';
import { parseTrace } from '../src/domain/trace-json.js';
import { treeOf } from '../src/domain/trace-tree.js';
import { traceAnswer, traceShapes } from '../test/support/trace-shapes.js';

/**
 * `npm run bench:traces`: what large traces cost, from the answer of the store to what people see; nothing asserts on it.
 * Microseconds a span, the faster of two runs, for each part and each shape of a trace (the first is one level for each
 * span); what grows with the square of the spans would cost 130 times as much a span in the last column as in the first.
 */
const sizes = [1_000, 10_000, 50_000, 130_000];

type Part = 'read' | 'tree' | 'critical path' | 'waterfall' | 'page' | 'HTML file';

async function timesOf(json: string): Promise<Record<Part, number>> {
  let since = performance.now();
  const lap = (): number => {
    const now = performance.now();
    const ms = now - since;
    since = now;
    return ms;
  };
  const trace = parseTrace(json);
  if (!trace) throw new Error('There is no trace.');
  const read = lap();
  const tree = treeOf(trace);
  const treeMs = lap();
  criticalPath(trace, tree);
  const path = lap();
  renderWaterfall(trace, { width: 120, paint: createPaint(true) });
  const waterfall = lap();
  modelOf(trace);
  const page = lap();
  await renderTracePage(trace, 'Tracewright');
  return { read, tree: treeMs, 'critical path': path, waterfall, page, 'HTML file': lap() };
}

const parts: readonly Part[] = ['read', 'tree', 'critical path', 'waterfall', 'page', 'HTML file'];
let worst = { ratio: 0, what: '' };
for (const [name, shape] of Object.entries(traceShapes)) {
  const measured = [];
  for (const size of sizes) {
    const json = traceAnswer(size, shape);
    const [one, other] = [await timesOf(json), await timesOf(json)];
    measured.push(parts.map((part) => (Math.min(one[part], other[part]) / size) * 1_000));
  }
  console.log(`\n${name}: µs a span with ${sizes.map((size) => size.toLocaleString('en')).join(', ')} spans`);
  for (const [index, part] of parts.entries()) {
    const row = measured.map((times) => times[index] ?? NaN);
    const ratio = (row.at(-1) ?? NaN) / Math.max(row[0] ?? NaN, 0.1);
    if (ratio > worst.ratio) worst = { ratio, what: `${part}, ${name}` };
    const cells = row.map((it) => it.toFixed(2).padStart(8)).join('');
    console.log(`  ${part.padEnd(14)}${cells}   ×${ratio.toFixed(1)}`);
  }
}
console.log(`\nMost growth: ×${worst.ratio.toFixed(1)} (${worst.what}); quadratic would be ×130.`);
