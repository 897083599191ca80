import { describe, expect, it } from 'vitest';
import { failureLines, shortEvidence } from '../../src/cli/errors.js';
import { finish, rowsBelowFrame } from '../../src/cli/finish.js';
import { createPaint } from '../../src/cli/views/format.js';
import { frame } from '../../src/cli/views/frame.js';
import { rowsOf, widthOf } from '../../src/cli/views/text-width.js';
import type { Failure } from '../../src/domain/failure.js';
import { planOf } from '../../src/domain/plan.js';
import { tutorialShapedStack } from '../support/stack.js';
import { progressOf, recordingContext } from './support.js';

const long = 'x y '.repeat(75).trim();
const evidence = Array.from({ length: 40 }, (_, index) => `${String(index + 1)}. ${long}`);
/** As long as a broken hop may be in words. */
const failure: Failure = {
  type: 'hop.hotrod-collector',
  message:
    'HotROD cannot reach the collector: OTEL_EXPORTER_JAEGER_ENDPOINT of deployment/example-hotrod is http://otel-collector-collector.otel.svc.cluster.local:14268/api/traces, but there is no Service otel-collector-collector in the namespace otel.',
  remedy:
    '`tracewright up`, called as before, puts back what was changed by hand: Deployment default/example-hotrod differs in spec.template.spec.containers[0].env[0].value. Or fix it otherwise, then `tracewright retry`: Set OTEL_EXPORTER_JAEGER_ENDPOINT of deployment/example-hotrod to http://otel-collector-collector.otel-system.svc.cluster.local:14268/api/traces.',
  retryable: false,
  attempts: 2,
  evidence,
};
const paint = createPaint(false);
const numbers = (lines: readonly string[]): number[] =>
  lines.flatMap((line) => [...line.matchAll(/^(\d+)\. /gu)].map(([, number]) => Number(number)));

describe('short evidence', () => {
  it('shows all where there is room', () => {
    const short = { ...failure, evidence: evidence.slice(0, 2).map((line) => line.slice(0, 90)) };
    expect(shortEvidence(short, { columns: 50, rows: 4 })).toHaveLength(4);
    expect(shortEvidence({ ...short, evidence: [] }, { columns: 50, rows: 4 })).toEqual([]);
  });

  it('of a broken hop begins with the most telling lines, two rows each, and counts the rest', () => {
    const lines = shortEvidence(failure, { columns: 60, rows: 9 });
    expect(lines).toHaveLength(9);
    expect(numbers(lines)).toEqual([1, 2, 3, 4]);
    expect(lines[1]).toMatch(/…$/u);
    expect(lines.at(-1)).toBe('… 36 more lines: tracewright status --full');
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(60);
  });

  it('of another failure shows how it began and how it ended', () => {
    const lines = shortEvidence({ ...failure, type: 'ready.crash-loop' }, { columns: 60, rows: 99 });
    expect(lines).toHaveLength(11);
    expect(numbers(lines)).toEqual([1, 2, 38, 39, 40]);
    expect(lines[4]).toBe('… 35 more lines: tracewright status --full');
  });

  it('says so where a line was only cut', () => {
    const lines = shortEvidence({ ...failure, evidence: evidence.slice(0, 1) }, { columns: 60, rows: 3 });
    expect(lines.slice(-1)).toEqual(['… uncut: tracewright status --full']);
  });

  it('keeps secrets out, cut or not', () => {
    const secret = { ...failure, evidence: [`password=swordfish ${long}`, ...evidence] };
    expect(shortEvidence(secret, { columns: 60, rows: 9 }).join(' ')).not.toContain('swordfish');
  });
});

it.each([
  [80, 24],
  [100, 24],
  [120, 50],
])('on %i columns and %i rows what is wrong and what to do are seen together', (columns, rows) => {
  const steps = planOf(tutorialShapedStack()).map((step) =>
    step.kind === 'verification'
      ? { ...step, state: 'blocked' as const, failure, endedAt: Date.now() }
      : { ...step, state: 'done' as const, outcome: 'unchanged' },
  );
  const progress = progressOf({ phase: 'Blocked', steps });
  const { context, lines } = recordingContext();
  const drawn = frame(
    { progress, live: new Map() },
    { now: Date.now(), columns: columns - 1, paint, moving: false, failureRows: rows - rowsBelowFrame },
  );
  finish(
    context,
    { webUi: () => 'http://127.0.0.1:8233/namespaces/default/workflows/environment-demo' },
    progress,
  );
  const all = [...drawn, ...lines];
  const first = all.findIndex((line) => line.includes('error [hop.hotrod-collector] HotROD cannot reach'));
  expect(first).toBeGreaterThan(0);
  // A terminal breaks what is longer than a row; and the prompt stands below it.
  const taken = all.slice(first).map((line) => rowsOf(line, columns));
  expect(taken.reduce((sum, count) => sum + count, 1)).toBeLessThanOrEqual(rows);
  const shown = all.slice(first).map((line) => line.trim());
  expect(shown.some((line) => line.startsWith('→ `tracewright up`'))).toBe(true);
  expect(shown.some((line) => line.startsWith('│ 1. x y'))).toBe(true);
  expect(shown.some((line) => /^│ … \d+ more lines: tracewright status --full$/u.test(line))).toBe(true);
  expect(shown).toContain('tracewright up                   put back what was changed by hand, and prove');
});

it('in a pipe everything is told', () => {
  const lines = failureLines(failure, paint);
  expect(lines).toHaveLength(42);
});
