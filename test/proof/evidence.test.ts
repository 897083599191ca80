import { expect, test } from 'vitest';
import { evidenceOf, judge } from '../../src/proof/diagnosis/judge.js';
import { collector, factsOf, hotrodWith, tempo, workloadOf } from './support/facts.js';

const counts = { accepted: { otlp: 1 }, refused: {}, sent: { logging: 1 }, failed: {} };

test('begins with what decided, goes on with what the verification saw, and keeps the rest', () => {
  const facts = factsOf('proof.collector-silent', {
    ...collector({ counts, logged: { own: true, others: 0, exportErrors: ['no route'] } }),
    hotrod: hotrodWith('example-hotrod:1.42.0', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }),
  });
  const verdict = judge(facts);
  const seen = ["✗ Collector's log: only our root span in its log yet", 'collector: no route'];
  const lines = evidenceOf(facts, verdict, seen);
  expect(lines.slice(0, 5)).toEqual([
    'HotROD: OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318',
    'collector: since the ride accepted 1 (otlp); sent 1 (logging)',
    "collector's log: our root span, 0 spans of the ride",
    ...seen,
  ]);
  expect(lines.slice(5)).toEqual([
    'HotROD: Service hotrod.default:8080, 1 ready endpoints, deployment/hotrod, example-hotrod:1.42.0, 1 of 1 pods ready',
    'collector: Service collector.otel:4318, 1 ready endpoints, deployment/collector, deployment/collector:1, 1 of 1 pods ready',
    'collector: pipeline traces: otlp, jaeger → logging, otlp',
    'collector: exporters.otlp.endpoint is tempo.tracing:4317',
    'Tempo: Service tempo.tracing:3100, 1 ready endpoints, statefulset/tempo, statefulset/tempo:1, 1 of 1 pods ready',
    'Tempo: /ready answers 200',
    'Grafana: Service grafana.monitoring:80, 1 ready endpoints, deployment/grafana, deployment/grafana:1, 1 of 1 pods ready',
    'Grafana: datasource Tempo at http://tempo.tracing:3100',
  ]);
});

test('without a verdict the verification speaks first', () => {
  const lines = evidenceOf(factsOf('proof.trace-missing'), undefined, ['✗ Tempo: nothing']);
  expect(lines[0]).toBe('✗ Tempo: nothing');
});

test('of a crash the pod and its last words come first', () => {
  const lastLines = ['starting', 'fatal: no such file'];
  const workload = workloadOf('statefulset/tempo', {
    pods: [{ name: 'tempo-0', ready: false, trouble: 'container tempo crashed once', lastLines }],
  });
  const facts = factsOf('proof.trace-missing', tempo({ workload, ready: undefined }));
  const lines = evidenceOf(facts, judge(facts), []);
  expect(lines[0]).toMatch(/^Tempo: Service .*tempo-0: container tempo crashed once$/u);
  expect(lines.slice(1, 3)).toEqual(['tempo-0: starting', 'tempo-0: fatal: no such file']);
});

test('says what Tempo has of the trace by now', () => {
  const facts = factsOf('proof.search-silent', {
    ...tempo({ byId: true, services: { frontend: 24, tracewright: 1 }, search: { stack: false, any: true } }),
    changes: [{ namespace: 'otel', text: 'OpenTelemetryCollector otel/collector is gone' }],
  });
  expect(evidenceOf(facts, undefined, [])).toEqual(
    expect.arrayContaining([
      'changed by hand: OpenTelemetryCollector otel/collector is gone',
      'Tempo: by its id now spans of the trace 24 (frontend), 1 (tracewright)',
      "Tempo: the stack's search now does not, {} finds the trace",
    ]),
  );
});
