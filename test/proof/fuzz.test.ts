import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { modelOf } from '../../page/trace/model.js';
import { createPaint } from '../../src/cli/views/format.js';
import { renderWaterfall } from '../../src/cli/views/waterfall.js';
import { criticalPath } from '../../src/domain/critical-path.js';
import { isTracewrightError } from '../../src/domain/failure.js';
import { parseTrace } from '../../src/domain/trace-json.js';
import { placesOf, treeOf } from '../../src/domain/trace-tree.js';
import { findLoggedTrace } from '../../src/proof/check-collector.js';
import { exportersInUse, parseCollectorConfig } from '../../src/proof/diagnosis/collector-config.js';
import { parseEndpoint } from '../../src/proof/diagnosis/endpoint.js';
import { evidenceOf, judge } from '../../src/proof/diagnosis/judge.js';
import { collector, factsOf } from './support/facts.js';

/** Few ids, so that spans meet: as parents, in circles, twice. */
const id = fc
  .constantFrom('', '00', '01', '02', '03', 'AAAAAAAAAAE=', 'zz')
  .map((it) => it && it.padStart(16, '0'));
const time = fc.oneof(
  fc.bigInt({ min: -5n, max: 2n ** 70n }).map(String),
  fc.constantFrom('', '0', '1700000000000000000', null, 1.7e18, -1),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.record({ stringValue: fc.string({ unit: 'binary' }) }),
    fc.record({ doubleValue: fc.oneof(fc.double(), fc.constantFrom('NaN', 'Infinity', '-Infinity', '')) }),
    fc.record({ intValue: fc.oneof(fc.bigInt().map(String), fc.integer()) }),
    fc.record({ bytesValue: fc.base64String() }),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('value')) }) }),
    fc.record({
      kvlistValue: fc.record({ values: fc.array(fc.record({ key: fc.string(), value: tie('value') })) }),
    }),
    fc.constantFrom(null, {}, 7, 'text', { newValue: [] }),
  ),
}));
const attributes = fc.oneof(
  fc.constant(null),
  fc.array(fc.record({ key: fc.string(), value }), { maxLength: 4 }),
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(null, 5, true, 'constructor', '__proto__'),
);
const kind = fc.oneof(
  fc.integer({ min: -1, max: 7 }),
  fc.constantFrom('SPAN_KIND_CLIENT', 'SPAN_KIND_SERVER', null),
);
const span = fc.record(
  {
    traceId: fc.constant('ab'.repeat(16)),
    spanId: id,
    parentSpanId: id,
    name: text,
    kind,
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    attributes,
    status: fc.oneof(fc.constant(null), fc.record({ code: kind, message: text })),
    events: fc.array(fc.record({ attributes }), { maxLength: 2 }),
  },
  { requiredKeys: ['traceId', 'spanId'] },
);
const batch = fc.record({
  resource: fc.oneof(
    fc.constant(null),
    fc.record({
      attributes: fc.array(fc.record({ key: fc.constant('service.name'), value }), { maxLength: 1 }),
    }),
  ),
  scopeSpans: fc.array(fc.record({ spans: fc.array(span, { maxLength: 6 }) }), { maxLength: 2 }),
});

const runs = { numRuns: Number(process.env['TRACEWRIGHT_FUZZ_RUNS'] ?? 300) };
const limits = { timeout: 1_800_000 };
/** Either it works, or the failure is one that Tracewright expects. */
const expected = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch (error) {
    if (isTracewrightError(error) && error.type !== 'internal.bug') return undefined;
    throw error;
  }
};

describe('whatever a trace store answers', () => {
  test('a trace is drawn, each span of it once', limits, () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 3 }), (batches) => {
        const trace = expected(() => parseTrace(JSON.stringify({ batches })));
        if (!trace) return;
        const tree = treeOf(trace);
        const nodes = placesOf(tree.roots).map(({ node }) => node.span);
        expect(nodes).toHaveLength(trace.spans.length);
        expect(new Set(nodes)).toEqual(new Set(trace.spans));
        for (const { startMs, endMs } of criticalPath(trace, tree))
          expect(endMs).toBeGreaterThanOrEqual(startMs);
        renderWaterfall(trace, { width: 80, paint: createPaint(false) });
        expect(modelOf(trace).rows).toHaveLength(trace.spans.length);
        expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
      }),
      runs,
    );
  });

  test('anything else ends in a typed failure', limits, () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.record({ batches: fc.anything() }).map((it) => JSON.stringify(it, withoutBigInts)),
        ),
        (json) => {
          expected(() => parseTrace(json));
        },
      ),
      runs,
    );
  });
});

const name = fc.constantFrom(
  'otlp',
  'otlp/2',
  'otlp_grpc',
  'otlphttp',
  'debug',
  'loadbalancing',
  'kafka',
  'forward',
  '${env:X}',
);
const endpoint = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'tempo:4317',
    'dns:///tempo.tracing:4317',
    'http://a b',
    'unix:///run/x',
    '${env:E}:4317',
    '[::1]:1',
    null,
    4317,
    {},
  ),
);
const part = fc.oneof(
  fc.anything({ maxDepth: 1, withBigInt: false }),
  fc.record(
    {
      endpoint,
      traces_endpoint: endpoint,
      tls: fc.record({ insecure: fc.anything({ maxDepth: 0 }) }),
      protocols: fc.dictionary(fc.constantFrom('grpc', 'http', 'thrift_http'), fc.record({ endpoint })),
    },
    { requiredKeys: [] },
  ),
);
const names = fc.oneof(fc.array(name, { maxLength: 4 }), fc.constantFrom(null, '${env:LIST}', 7));
const config = fc.record(
  {
    receivers: fc.dictionary(name, part),
    exporters: fc.dictionary(name, part),
    connectors: fc.dictionary(name, part),
    service: fc.record({
      pipelines: fc.dictionary(
        fc.constantFrom('traces', 'traces/in', 'metrics'),
        fc.record({ receivers: names, exporters: names }, { requiredKeys: [] }),
      ),
    }),
  },
  { requiredKeys: [] },
);

describe('whatever a collector is configured to', () => {
  test('it is judged or not, but never a bug', limits, () => {
    fc.assert(
      fc.property(
        config,
        fc.constantFrom('proof.collector-silent', 'proof.trace-missing', 'proof.trace-incomplete'),
        (it, broken) => {
          const parsed = parseCollectorConfig(stringify(it, withoutBigInts));
          if (!parsed) return;
          const { targets, unjudged } = exportersInUse(parsed);
          const uses = targets.map(({ name: exporter, where, endpoint: address, isHttp }) => ({
            exporter,
            where,
            text: address,
            endpoint:
              address === undefined ? undefined : parseEndpoint(address, 'otel', isHttp ? 4318 : 4317),
            service: undefined,
          }));
          const facts = factsOf(broken, collector({ config: parsed, targets: uses, unjudged }));
          evidenceOf(facts, judge(facts), []);
        },
      ),
      runs,
    );
  });

  test('a configuration that is none of a collector is not taken for one', limits, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (yaml) => {
        expect(parseCollectorConfig(yaml)).toBeUndefined();
      }),
      runs,
    );
  });

  test('its log is read', limits, () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ msg: fc.string(), error: fc.string() }).map((it) => JSON.stringify(it)),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const log = lines.join('\n');
        expect(findLoggedTrace(log, { traceId: 'ab'.repeat(16), rootSpanId: 'cd'.repeat(8) }).own).toBe(
          false,
        );
      }),
      runs,
    );
  });
});

/** JSON and YAML have none. */
function withoutBigInts(_: unknown, it: unknown): unknown {
  return typeof it === 'bigint' ? String(it) : it;
}
