import { describe, expect, test } from 'vitest';
import type { HopFacts } from '../../src/proof/diagnosis/facts.js';
import { judge } from '../../src/proof/diagnosis/judge.js';
import {
  collector,
  factsOf,
  hotrodWith,
  jaegerUrl,
  serviceOf,
  tempo,
  useOf,
  workloadOf,
} from './support/facts.js';

const grafana = (...uses: NonNullable<HopFacts['grafana']>['datasources']): Pick<HopFacts, 'grafana'> => ({
  grafana: { service: serviceOf(80), workload: workloadOf('deployment/grafana'), datasources: uses },
});

describe('the datasource of Grafana', () => {
  const named = (name: string, url: string | undefined, service: HopFacts['tempo']['service']) => ({
    ...useOf(`the url of the datasource ${name}`, url, service),
    name,
  });
  test.each([
    [
      'a port of a later chart',
      named('Tempo', 'http://tempo.tracing:3200', serviceOf(3100)),
      'has no port 3200 (it has 3100)',
    ],
    [
      'a Service that does not exist',
      named('Tempo', 'http://tempo:3100', 'absent'),
      'there is no Service tempo in the namespace default',
    ],
    [
      'another Tempo',
      named('Tempo', 'http://tempo.other:3100', serviceOf(3100)),
      'something else than Tempo at tempo.tracing:3100',
    ],
    ['no URL', named('Tempo', undefined, undefined), 'is not set'],
    [
      'another name',
      named('Loki', 'http://tempo.tracing:3100', serviceOf(3100)),
      'datasources Loki, but not with Tempo',
    ],
  ])('has %s', (_, use, message) => {
    const verdict = judge(factsOf('proof.grafana-failed', grafana(use)));
    expect(verdict).toMatchObject({ type: 'hop.grafana', retryable: false });
    expect(verdict?.message).toContain(message);
  });
});

test("a stack's own name for its trace store is what the verdict calls it", () => {
  const named = factsOf('proof.search-silent', tempo({ search: { any: true, stack: false } }));
  const spec = { ...named.spec, tempo: { ...named.spec.tempo, title: 'Trace store' } };
  expect(judge({ ...named, spec })?.message).toContain('Trace store at tempo.tracing:3100');
});

test('where everything is unknown there is no verdict', () => {
  const unknown = { service: undefined, workload: undefined };
  const facts = factsOf('proof.collector-silent', {
    hotrod: { ...unknown, exporterInLog: undefined, target: undefined, exportErrors: [] },
    ...collector({ ...unknown, config: undefined, logged: undefined, targets: [] }),
    ...tempo({ ...unknown, ready: undefined }),
    grafana: { ...unknown, datasources: [] },
  });
  for (const broken of [
    'proof.ride-failed',
    'proof.collector-silent',
    'proof.trace-missing',
    'proof.trace-incomplete',
    'proof.search-silent',
    'proof.grafana-failed',
  ] as const)
    expect(judge({ ...facts, broken }), broken).toBeUndefined();
  expect(judge({ ...factsOf('proof.ride-failed'), broken: 'proof.ride-failed' })).toBeUndefined();
});

describe('a Service with no ready pod behind it, as while a node comes back', () => {
  const resting = { ports: [80, 3100, 4317, 4318, 14268], readyEndpoints: 0 };

  test.each([
    [
      'hop.hotrod-collector',
      factsOf('proof.collector-silent', {
        hotrod: hotrodWith(
          'example-hotrod:1.42.0',
          { OTEL_EXPORTER_JAEGER_ENDPOINT: jaegerUrl },
          {
            target: useOf('OTEL_EXPORTER_JAEGER_ENDPOINT of deployment/hotrod', jaegerUrl, resting),
          },
        ),
      }),
    ],
    [
      'hop.collector-tempo',
      factsOf(
        'proof.trace-missing',
        collector({
          logged: { own: true, others: 52, exportErrors: [] },
          targets: [{ ...useOf('exporters.otlp.endpoint', 'tempo.tracing:4317', resting), exporter: 'otlp' }],
        }),
      ),
    ],
    [
      'hop.grafana',
      factsOf(
        'proof.grafana-failed',
        grafana({
          ...useOf('the url of the datasource Tempo', 'http://tempo.tracing:3100', resting),
          name: 'Tempo',
        }),
      ),
    ],
  ])('may pass: %s', (type, facts) => {
    const verdict = judge(facts);
    expect(verdict).toMatchObject({ type, retryable: true });
    expect(verdict?.message).toContain('no ready pod stands behind the Service');
  });
});
