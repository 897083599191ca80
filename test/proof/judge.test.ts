import { describe, expect, test } from 'vitest';
import type { HopFacts } from '../../src/proof/diagnosis/facts.js';
import { judge } from '../../src/proof/diagnosis/judge.js';
import { parseCollectorConfig } from '../../src/proof/diagnosis/collector-config.js';
import { collectorConfigOfTheTutorial } from '../stacks/tutorial.js';
import { factsOf, hotrodWith, jaegerUrl, serviceOf, spec, useOf, workloadOf } from './support/facts.js';

const otlpUrl = 'http://collector.otel:4318';
const collector = (change: Partial<HopFacts['collector']>): Pick<HopFacts, 'collector'> => ({
  collector: { ...factsOf('proof.collector-silent').collector, ...change },
});
const tempo = (change: Partial<HopFacts['tempo']>): Pick<HopFacts, 'tempo'> => ({
  tempo: { ...factsOf('proof.trace-missing').tempo, ...change },
});
const grafana = (...uses: NonNullable<HopFacts['grafana']>['datasources']): Pick<HopFacts, 'grafana'> => ({
  grafana: { service: serviceOf(80), workload: workloadOf('deployment/grafana'), datasources: uses },
});
const config = (from: string | RegExp, to: string): Pick<HopFacts, 'collector'> =>
  collector({
    config: parseCollectorConfig(collectorConfigOfTheTutorial.replace(from, to)),
    logged: { own: false, others: 0, exportErrors: [] },
  });

describe('the variable of HotROD', () => {
  test.each([
    ['example-hotrod:1.41.0', 'OTEL_EXPORTER_JAEGER_ENDPOINT', jaegerUrl, 'JAEGER_ENDPOINT'],
    ['example-hotrod:1.42.0', 'OTEL_EXPORTER_OTLP_ENDPOINT', otlpUrl, 'OTEL_EXPORTER_JAEGER_ENDPOINT'],
    ['example-hotrod:1.48.0', 'OTEL_EXPORTER_OTLP_ENDPOINT', otlpUrl, 'OTEL_EXPORTER_JAEGER_ENDPOINT'],
    ['example-hotrod:1.49', 'OTEL_EXPORTER_JAEGER_ENDPOINT', jaegerUrl, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['example-hotrod:2.18.0@sha256:ab12', 'JAEGER_ENDPOINT', jaegerUrl, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  ])('%s with %s', (image, set, url, wanted) => {
    const verdict = judge(factsOf('proof.collector-silent', { hotrod: hotrodWith(image, { [set]: url }) }));
    expect(verdict).toMatchObject({ type: 'hop.hotrod-collector', retryable: false });
    expect(verdict?.message).toContain(`${image} takes the address from ${wanted}, but ${set} is set`);
    expect(verdict?.remedy).toContain(
      `Set ${wanted} to http://collector.otel.svc.cluster.local:${wanted.includes('OTLP') ? '4318 ' : '14268/api/traces '}in deployment/hotrod`,
    );
  });

  test('of "latest", as its log says what it is', () => {
    const env = { OTEL_EXPORTER_JAEGER_ENDPOINT: jaegerUrl };
    const of = (exporterInLog: string | undefined): ReturnType<typeof judge> =>
      judge(
        factsOf('proof.collector-silent', {
          hotrod: hotrodWith('example-hotrod:latest', env, { exporterInLog }),
        }),
      );
    expect(of('otlp')?.message).toContain('takes the address from OTEL_EXPORTER_OTLP_ENDPOINT');
    // A tag that tells nothing is no reason for a verdict.
    expect(of('jaeger')).toBeUndefined();
    expect(of(undefined)).toBeUndefined();
  });

  test('of the version before is right for 1.42 to 1.48 as well', () => {
    const hotrod = hotrodWith('example-hotrod:1.42.0', { JAEGER_ENDPOINT: jaegerUrl });
    expect(judge(factsOf('proof.collector-silent', { hotrod }))).toBeUndefined();
  });

  test('is missing', () => {
    const verdict = judge(
      factsOf('proof.collector-silent', { hotrod: hotrodWith('example-hotrod:1.42.0', {}) }),
    );
    expect(verdict?.message).toContain('and deployment/hotrod does not set it');
  });

  test('names another collector than that of the stack', () => {
    const target = useOf(
      'OTEL_EXPORTER_JAEGER_ENDPOINT of deployment/hotrod',
      'http://other.otel:14268/api',
      serviceOf(14268),
    );
    const hotrod = hotrodWith('example-hotrod:1.42.0', { OTEL_EXPORTER_JAEGER_ENDPOINT: '…' }, { target });
    expect(judge(factsOf('proof.collector-silent', { hotrod }))?.message).toContain(
      'sends its spans to other.otel',
    );
  });

  test('is right, but HotROD says why it cannot send', () => {
    const { hotrod } = factsOf('proof.collector-silent');
    const verdict = judge(
      factsOf('proof.collector-silent', {
        hotrod: { ...hotrod, exportErrors: ['traces export: i/o timeout'] },
      }),
    );
    expect(verdict).toMatchObject({ type: 'hop.hotrod-collector', retryable: true });
    expect(verdict?.message).toContain('i/o timeout');
  });
});

describe('the collector', () => {
  test.each([
    ['no http', /^ {6}http:\n/mu, '', 'does not speak http'],
    [
      'localhost only',
      /^ {6}http:\n/mu,
      '      http:\n        endpoint: localhost:4318\n',
      'listens on localhost:4318 only',
    ],
    [
      'no receiver',
      '[otlp, jaeger]',
      '[jaeger]',
      'no otlp receiver in its traces pipelines (traces: jaeger)',
    ],
    [
      'no traces pipeline',
      '  traces:',
      '  metrics:',
      'no otlp receiver in its traces pipelines (it has none)',
    ],
    ['no log', '[logging, otlp]', '[otlp]', 'logs no spans'],
  ])('with %s', (_, from, to, message) => {
    const verdict = judge(factsOf('proof.collector-silent', config(from, to)));
    expect(verdict).toMatchObject({ type: 'hop.collector', retryable: false });
    expect(verdict?.message).toContain(message);
  });

  test.each([
    [
      'a Service that is gone',
      { service: 'absent' as const },
      'There is no Service collector in the namespace otel.',
      false,
    ],
    ['no port 4318', { service: serviceOf(4317) }, 'has no port 4318; it has 4317.', false],
    ['nothing behind its Service', { workload: 'absent' as const }, 'no pod fits its selector', false],
    ['no pods', { workload: workloadOf('deployment/collector', { pods: [] }) }, 'has no pods', true],
    [
      'a pod that waits for its image',
      {
        workload: workloadOf('deployment/collector', {
          pods: [{ name: 'c-1', ready: false, trouble: 'pulling image otel/collector', lastLines: [] }],
        }),
      },
      'pod c-1: pulling image otel/collector.',
      true,
    ],
  ])('has %s', (_, change, message, retryable) => {
    const logged = { own: false, others: 0, exportErrors: [] };
    const verdict = judge(factsOf('proof.collector-silent', collector({ logged, ...change })));
    expect(verdict).toMatchObject({ type: 'hop.collector', retryable });
    expect(verdict?.message).toContain(message);
  });
});

describe('the hop to Tempo', () => {
  const failing = (...exportErrors: string[]): Pick<HopFacts, 'collector'> =>
    collector({ logged: { own: true, others: 50, exportErrors } });

  test('leads to another Tempo', () => {
    const use = useOf('exporters.otlp.endpoint', 'tempo.other:4317', serviceOf(4317));
    const verdict = judge(
      factsOf('proof.trace-missing', {
        ...collector({ targets: [{ ...use, exporter: 'otlp' }] }),
        ...tempo({ received: 0 }),
      }),
    );
    expect(verdict?.message).toContain('exporters.otlp.endpoint is tempo.other:4317');
    expect(verdict?.remedy).toBe('Set exporters.otlp.endpoint to tempo.tracing:4317.');
  });

  test('is the pod itself', () => {
    const use = useOf('exporters.otlphttp.endpoint', 'http://localhost:4318', undefined);
    const verdict = judge(
      factsOf('proof.trace-missing', collector({ targets: [{ ...use, exporter: 'otlphttp' }] })),
    );
    expect(verdict?.message).toContain('inside a pod, that is the pod itself');
    expect(verdict?.remedy).toBe('Set exporters.otlphttp.endpoint to http://tempo.tracing:4318.');
  });

  test('wants TLS', () => {
    const text = collectorConfigOfTheTutorial.replaceAll('insecure: true', 'insecure: false');
    const logged = {
      own: true,
      others: 50,
      exportErrors: ['tls: first record does not look like a TLS handshake'],
    };
    const verdict = judge(
      factsOf('proof.trace-missing', collector({ config: parseCollectorConfig(text), logged })),
    );
    expect(verdict).toMatchObject({
      type: 'hop.collector-tempo',
      remedy: 'Set exporters.otlp.tls.insecure to true.',
    });
  });

  test('fails for a reason that only the collector knows', () => {
    const verdict = judge(
      factsOf('proof.trace-missing', { ...failing('i/o timeout'), ...tempo({ received: 0 }) }),
    );
    expect(verdict).toMatchObject({ type: 'hop.collector-tempo', retryable: true });
  });

  test.each([
    [
      'is not ready',
      { ready: { status: 503, text: 'HTTP 503: Ingester not ready' } },
      '/ready answers HTTP 503: Ingester not ready',
      true,
    ],
    [
      'throws spans away',
      { discarded: { live_traces_exceeded: 4 } },
      'throws spans away: live_traces_exceeded',
      false,
    ],
    ['is slow', { byId: true }, 'has the trace by now', true],
    [
      'loses what it received',
      { byId: false, received: 52 },
      'has received 52 spans, but does not know',
      true,
    ],
  ])('%s', (_, change, message, retryable) => {
    const verdict = judge(factsOf('proof.trace-missing', { ...failing(), ...tempo(change) }));
    expect(verdict).toMatchObject({ type: 'hop.tempo', retryable });
    expect(verdict?.message).toContain(message);
  });

  test('swallows what the collector says that it has sent', () => {
    const counts = { accepted: { otlp: 1 }, refused: {}, sent: { otlp: 52 }, failed: {} };
    const verdict = judge(
      factsOf('proof.trace-missing', { ...collector({ counts }), ...tempo({ received: 0 }) }),
    );
    expect(verdict?.message).toContain('says that it has sent the spans');
  });
});

describe('the search', () => {
  test.each([
    [{ stack: false, any: false }, 'no search finds it yet', true],
    [{ stack: true, any: true }, 'it finds the trace by now', true],
    [{ stack: false, any: true }, 'does not fit the spans', false],
  ])('%o', (search, message, retryable) => {
    const verdict = judge(factsOf('proof.search-silent', tempo({ byId: true, search })));
    expect(verdict).toMatchObject({ type: 'hop.search', retryable });
    expect(verdict?.message).toContain(message);
  });
});

test('what a crash says is told to its end', () => {
  const lastLines = ['yaml: unmarshal errors:', '  line 47: field nonsense not found'];
  const workload = workloadOf('statefulset/tempo', {
    pods: [{ name: 'tempo-0', ready: false, trouble: 'container tempo crashed once', lastLines }],
  });
  const verdict = judge(factsOf('proof.trace-missing', tempo({ workload, ready: undefined })));
  expect(verdict?.message).toContain('and said: yaml: unmarshal errors: line 47: field nonsense not found');
});

test('a HotROD that sends to an agent by UDP is not blamed for its variables', () => {
  const logged = { own: true, others: 0, exportErrors: [] };
  const env = { JAEGER_AGENT_HOST: 'collector.otel' };
  for (const [image, type] of [
    ['jaegertracing/example-hotrod:1.41.0', undefined],
    ['jaegertracing/example-hotrod:1.42.0', 'hop.hotrod-collector'],
  ] as const) {
    const facts = factsOf('proof.collector-silent', {
      ...collector({ logged }),
      hotrod: hotrodWith(image, env),
    });
    expect(judge(facts)?.type).toBe(type);
  }
});

describe('the names of the services', () => {
  const whole = { tracewright: 1, frontend: 40 };
  const search = { stack: false, any: true };

  test('are others than the search asks for', () => {
    const facts = factsOf('proof.search-silent', tempo({ byId: true, services: whole, search }));
    const asking = { ...spec, traceql: '{ resource.service.name = "hotrod" && status = error }' };
    const verdict = judge({ ...facts, spec: asking });
    expect(verdict).toMatchObject({ type: 'hop.service-name', retryable: false });
    expect(verdict?.message).toContain('does not have: hotrod in');
    const right = { ...spec, traceql: '{ resource.service.name = "frontend" && status = error }' };
    expect(judge({ ...facts, spec: right })?.type).toBe('hop.search');
  });

  test('are others than the stack file expects', () => {
    const facts = factsOf('proof.trace-incomplete', tempo({ byId: true, services: whole }));
    const wanting = { ...spec, expect: { spans: 35, services: ['frontend', 'hotrod'] } };
    const verdict = judge({ ...facts, spec: wanting });
    expect(verdict).toMatchObject({ type: 'hop.service-name', retryable: true });
    expect(verdict?.message).toContain('but none of hotrod: its spans are of frontend.');
  });

  test('are not blamed where spans are missing', () => {
    const services = { tracewright: 1, driver: 2 };
    expect(judge(factsOf('proof.trace-incomplete', tempo({ byId: true, services })))).toBeUndefined();
    const facts = factsOf('proof.trace-incomplete', tempo({ byId: true, services: whole }));
    const wanting = { ...spec, expect: { spans: 35, services: ['frontend', 'customer'] } };
    expect(judge({ ...facts, spec: wanting })).toBeUndefined();
  });
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
      'something else than the Tempo of this stack',
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
