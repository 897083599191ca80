import { describe, expect, test } from 'vitest';
import { createPaint } from '../../src/cli/views/format.js';
import { proofLines } from '../../src/cli/views/proof-view.js';
import { widthOf } from '../../src/cli/views/text-width.js';
import type { Proof } from '../../src/domain/proof.js';

const proof: Proof = {
  traceId: '1a0772331f3dbd39ddb12ecc4527a464',
  ride: {
    customer: 123,
    customerName: "Rachel's Floral Designs",
    driver: 'T746492C',
    etaSeconds: 120,
    durationMs: 692,
  },
  checks: [
    {
      name: 'ride',
      state: 'passed',
      detail: "driver T746492C is with Rachel's Floral Designs in 2 min 00 s",
      tookMs: 692,
    },
    {
      name: 'collector-log',
      state: 'passed',
      detail: '50 spans of the ride and our root span in its log',
      tookMs: 4_058,
    },
    { name: 'tempo-by-id', state: 'passed', detail: '51 spans of 7 services, 2 with errors', tookMs: 3_181 },
    { name: 'traceql', state: 'passed', detail: 'found, and the longest of all', tookMs: 4_238 },
    {
      name: 'grafana',
      state: 'skipped',
      detail: 'not looked at',
      reason: 'no build of Grafana can be had from package registries',
      tookMs: 0,
    },
  ],
  spans: 51,
  services: { tracewright: 1, frontend: 24, customer: 1, mysql: 1, driver: 1, redis: 13, route: 10 },
  traceDurationMs: 692.038,
  longest: {
    traceId: '1a0772331f3dbd39ddb12ecc4527a464',
    rootService: 'tracewright',
    rootName: 'prove embedded',
    durationMs: 692.038,
    isOurs: true,
  },
  startedAt: '2026-11-22T18:38:14.151Z',
  tookMs: 4_940,
};
const paint = createPaint(false);

describe('the view of a proof', () => {
  test('at 80 columns', () => {
    expect(proofLines(proof, { paint }).join('\n')).toMatchSnapshot();
  });

  test('calls the trace store what its stack calls it, and Tempo where a kept proof says nothing', () => {
    const titles = (store?: string): string =>
      proofLines({ ...proof, ...(store !== undefined && { store }) }, { paint }).join('\n');
    expect(titles('Trace store')).toMatch(/✓ Trace store, by trace id {2}51 spans/u);
    expect(titles()).toMatch(/✓ Tempo, by trace id {2}51 spans/u);
  });

  test.each([40, 60, 80, 100, 200])('fits into %i columns', (columns) => {
    const lines = proofLines(proof, { paint, columns });
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
    expect(lines.join(' ')).toContain(proof.traceId);
  });

  test('a failed check says why, and nothing is called proved', () => {
    const failed: Proof = {
      ...proof,
      checks: proof.checks.map((check) =>
        check.name === 'traceql' ? { ...check, state: 'failed', reason: 'the search finds nothing' } : check,
      ),
    };
    const lines = proofLines(failed, { paint });
    expect(lines[0]).toBe('✗ Not proved: 1 of 5 checks failed, 1 of 5 checks skipped');
    expect(lines.some((line) => line.includes('✗ Tempo, by TraceQL   the search finds nothing'))).toBe(true);
  });

  test('names the longest trace of somebody else', () => {
    const longest = {
      traceId: 'ab'.repeat(16),
      rootService: 'batch',
      rootName: 'nightly',
      durationMs: 12_000,
      isOurs: false,
    };
    const text = proofLines({ ...proof, longest }, { paint })
      .join(' ')
      .replace(/\s+/gu, ' ');
    expect(text).toContain(`Longest 12 s, ${'ab'.repeat(16)}: batch nightly`);
  });
});
