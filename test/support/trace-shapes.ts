interface Shape {
  /** The index of the span's parent; one beyond all spans is missing. */
  readonly parentOf: (index: number) => number | undefined;
  /** Which id the span has, by an index. @default its own */
  readonly idOf?: (index: number) => number;
  /** @default one for all */
  readonly serviceOf?: (index: number) => string;
}

/** How traces of many spans hang together, at their worst. */
export const traceShapes: Readonly<Record<string, Shape>> = {
  'one below the other': { parentOf: (index) => (index === 0 ? undefined : index - 1) },
  'all below one': { parentOf: (index) => (index === 0 ? undefined : 0) },
  'all without their parents': { parentOf: (index) => index + 10_000_000 },
  'two of each id, as client and server': {
    parentOf: (index) => (index < 2 ? undefined : index - 2),
    idOf: (index) => index - (index % 2),
  },
  'all of one id, by as many services': {
    parentOf: () => undefined,
    idOf: () => 0,
    serviceOf: (index) => `service-${String(index)}`,
  },
};

const hex = (index: number): string => (index + 1).toString(16).padStart(16, '0');

/** An answer of Tempo's trace API: that many spans of the shape. */
export function traceAnswer(spans: number, { parentOf, idOf = (index) => index, serviceOf }: Shape): string {
  const list = Array.from({ length: spans }, (_, index) => {
    const parent = parentOf(index);
    return {
      traceId: 'ab'.repeat(16),
      spanId: hex(idOf(index)),
      ...(parent !== undefined && { parentSpanId: hex(idOf(parent)) }),
      name: `call ${String(index)}`,
      kind: index % 2 === 0 ? 3 : 2,
      startTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(index * 1_000)),
      endTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt((2 * spans - index) * 1_000)),
      attributes: [{ key: 'index', value: { intValue: String(index) } }],
    };
  });
  const batch = (some: readonly object[], service: string): object => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [{ spans: some }],
  });
  const batches = serviceOf
    ? list.map((span, index) => batch([span], serviceOf(index)))
    : [batch(list, 'one')];
  return JSON.stringify({ batches });
}
