import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findLoggedTrace } from '../../src/proof/check-collector.js';
import { fixturePath, rideRootSpanId, rideTraceId } from './support/fixtures.js';

const log = readFileSync(fixturePath('collector-log.txt'), 'utf8');
const identity = { traceId: rideTraceId, rootSpanId: rideRootSpanId };

describe("the collector's log", () => {
  test('shows our root span and those of HotROD', () => {
    expect(findLoggedTrace(log, identity)).toEqual({ own: true, others: 3, exportErrors: [] });
  });

  test('counts a span once that was logged twice', () => {
    expect(findLoggedTrace(log + log, identity).others).toBe(3);
  });

  test('shows nothing of another trace', () => {
    expect(findLoggedTrace(log, { ...identity, traceId: 'ff'.repeat(16) })).toMatchObject({
      own: false,
      others: 0,
    });
  });

  test('without our root span', () => {
    expect(findLoggedTrace(log, { ...identity, rootSpanId: 'ff'.repeat(8) })).toMatchObject({
      own: false,
      others: 4,
    });
  });

  test('reads records that stand on one line each, as a log agent keeps them', () => {
    expect(findLoggedTrace(log.replaceAll('\n', ' '), identity)).toMatchObject({ own: true, others: 3 });
  });

  test('says why it cannot pass spans on', () => {
    const line = (error: string): string =>
      `2026-11-22T18:11:39.962Z\terror\texporterhelper/queued_retry.go:401\tExporting failed. Dropping data.\t{"kind": "exporter", "data_type": "traces", "name": "otlp", "error": "${error}", "dropped_items": 1}\n`;
    const errors = findLoggedTrace(
      line('a') + line('Permanent error: \\"x\\"') + line('a'),
      identity,
    ).exportErrors;
    expect(errors).toEqual(['a', 'Permanent error: "x"']);
  });
});

test('19-collector-json-log: finds the spans in a log that is JSON, and the cause of a failed export', () => {
  const block = (id: string, parent: string): string =>
    `ResourceSpans #0\nSpan #0\n    Trace ID       : ${'ab'.repeat(16)}\n    Parent ID      : ${parent}\n    ID             : ${id}\n    Name           : x\n`;
  const [own, other] = ['00f067aa0ba902b7', '53995c3f42cd8ad8'];
  const lines = [
    { level: 'info', msg: block(own, ''), 'otelcol.component.id': 'debug' },
    { level: 'info', msg: block(other, own) },
    { level: 'error', msg: 'Exporting failed. Rejecting data.', error: 'rpc error: "Unavailable"' },
    { level: 'info', msg: 7 },
  ].map((line) => JSON.stringify(line));
  expect(
    findLoggedTrace(['{ cut off', ...lines].join('\n'), { traceId: 'ab'.repeat(16), rootSpanId: own }),
  ).toEqual({ own: true, others: 1, exportErrors: ['rpc error: "Unavailable"'] });
});
