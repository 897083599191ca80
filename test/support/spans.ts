import { traceOf, type RawSpan, type Trace } from '../../src/domain/trace.js';

const base = 1_700_000_000_000_000_000n;

/** A span named like its id, which may be short; times in milliseconds from the start of the trace. */
export function rawSpan(
  id: string,
  startMs: number,
  endMs: number,
  parentId?: string,
  more: Partial<RawSpan> = {},
): RawSpan {
  return {
    id,
    ...(parentId !== undefined && { parentId }),
    service: 'shop',
    name: id,
    kind: 'internal',
    startNs: String(base + BigInt(Math.round(startMs * 1e6))),
    endNs: String(base + BigInt(Math.round(endMs * 1e6))),
    status: 'unset',
    attributes: {},
    ...more,
  };
}

export function traceOfSpans(...spans: RawSpan[]): Trace {
  const trace = traceOf('ab'.repeat(16), spans);
  if (!trace) throw new Error('A trace needs a span.');
  return trace;
}
