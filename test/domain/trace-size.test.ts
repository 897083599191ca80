import { describe, expect, test } from 'vitest';
import { modelOf } from '../../page/trace/model.js';
import { createPaint } from '../../src/cli/views/format.js';
import { renderWaterfall } from '../../src/cli/views/waterfall.js';
import { criticalPath } from '../../src/domain/critical-path.js';
import { parseTrace } from '../../src/domain/trace-json.js';
import { placesOf, treeOf } from '../../src/domain/trace-tree.js';
import { traceAnswer, traceShapes } from '../support/trace-shapes.js';

describe('a trace of any size', () => {
  test.each(Object.entries(traceShapes))('of 10,000 spans, %s, is drawn', (_, shape) => {
    const trace = parseTrace(traceAnswer(10_000, shape));
    if (!trace) throw new Error('There is no trace.');
    expect(renderWaterfall(trace, { width: 100, paint: createPaint(false) }).length).toBeGreaterThan(10_000);
    expect(modelOf(trace).rows).toHaveLength(10_000);
  });

  // A quadratic part would cost 26 times as much a span. `npm run bench:traces` says which part costs what.
  test.each(Object.entries(traceShapes))('costs a span no more, %s, when it has 130,000', (_, shape) => {
    const small = 5_000;
    timeOf(traceAnswer(small, shape));
    const perSpan = timeOf(traceAnswer(small, shape)) / small;
    const ms = timeOf(traceAnswer(130_000, shape));
    expect(ms / 130_000, `${ms.toFixed(0)} ms`).toBeLessThan(10 * perSpan);
  });
});

/** From the answer of the store to the critical path, in milliseconds. */
function timeOf(json: string): number {
  const began = performance.now();
  const trace = parseTrace(json);
  if (!trace) throw new Error('There is no trace.');
  const tree = treeOf(trace);
  expect(placesOf(tree.roots)).toHaveLength(trace.spans.length);
  criticalPath(trace, tree);
  return performance.now() - began;
}
