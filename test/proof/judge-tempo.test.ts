import { describe, expect, test } from 'vitest';
import type { HopFacts } from '../../src/proof/diagnosis/facts.js';
import { evidenceOf, judge } from '../../src/proof/diagnosis/judge.js';
import { exportersInUse, parseCollectorConfig } from '../../src/proof/diagnosis/collector-config.js';
import { parseEndpoint } from '../../src/proof/diagnosis/endpoint.js';
import { collectorConfigOfTheTutorial } from '../stacks/tutorial.js';
import { collector, factsOf, serviceOf, tempo, useOf, workloadOf } from './support/facts.js';

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

test('what a crash says is told to its end', () => {
  const lastLines = ['yaml: unmarshal errors:', '  line 47: field nonsense not found'];
  const workload = workloadOf('statefulset/tempo', {
    pods: [{ name: 'tempo-0', ready: false, trouble: 'container tempo crashed once', lastLines }],
  });
  const verdict = judge(factsOf('proof.trace-missing', tempo({ workload, ready: undefined })));
  expect(verdict?.message).toContain('and said: yaml: unmarshal errors: line 47: field nonsense not found');
});

describe('20-collector-endpoint-env: a collector as people configure it', () => {
  const configs = {
    'a variable in its endpoint': `
receivers: { otlp: { protocols: { grpc: { endpoint: "\${env:POD_IP}:4317" }, http: { endpoint: "\${env:POD_IP}:4318" } } } }
exporters: { otlp: { endpoint: "\${env:STORE}", tls: { insecure: true } }, debug: {} }
service: { pipelines: { traces: { receivers: [otlp], exporters: [otlp, debug] } } }`,
    'load balancing': `
receivers: { otlp: { protocols: { grpc: {}, http: {} } } }
exporters:
  loadbalancing: { protocol: { otlp: {} }, resolver: { k8s: { service: tempo-distributor.tracing } } }
  debug: { verbosity: detailed }
service: { pipelines: { traces: { receivers: [otlp], exporters: [loadbalancing, debug] } } }`,
    'a variable for insecure': `
receivers: { otlp: { protocols: { grpc: {}, http: {} } } }
exporters: { otlp: { endpoint: "tempo.tracing:9999", tls: { insecure: "\${env:INSECURE}" } }, debug: {} }
service: { pipelines: { traces: { receivers: [otlp], exporters: [otlp, debug] } } }`,
    'connectors and new names': `
receivers: { otlp: { protocols: { grpc: {}, http: {} } } }
connectors: { forward: {}, spanmetrics: {} }
exporters:
  otlp_grpc/tempo: { endpoint: "dns:///tempo.tracing.svc.cluster.local:4317", tls: { insecure: "true" } }
  otlphttp/other: { traces_endpoint: "http://other.tracing:4318/v1/traces" }
service:
  pipelines:
    traces/in: { receivers: [otlp], exporters: [forward, spanmetrics] }
    traces/out: { receivers: [forward], exporters: [otlp_grpc/tempo, otlphttp/other] }`,
  };
  const read = (name: keyof typeof configs) => {
    const config = parseCollectorConfig(configs[name]);
    if (!config) throw new Error('This configuration is one.');
    return { config, ...exportersInUse(config) };
  };
  /** Tempo is fine, as far as anybody knows. */
  const factsWith = (name: keyof typeof configs): HopFacts => {
    const { config, targets, unjudged } = read(name);
    const uses = targets.map(({ name: exporter, where, endpoint }) => ({
      ...useOf(where, endpoint, serviceOf(4317, 4318)),
      exporter,
    }));
    const logged = { own: true, others: 50, exportErrors: [] };
    return factsOf('proof.trace-missing', collector({ config, targets: uses, unjudged, logged }));
  };

  test.each(['a variable in its endpoint', 'load balancing'] as const)(
    'with %s cannot be judged, and is given no advice about it',
    (name) => {
      const facts = factsWith(name);
      expect(judge(facts)).toBeUndefined();
      expect(evidenceOf(facts, undefined, []).join('\n')).toContain('collector: cannot be judged: ');
      // Other causes are found all the same.
      const scaled = tempo({ workload: workloadOf('statefulset/tempo', { replicas: 0 }), ready: undefined });
      expect(judge({ ...facts, ...scaled })?.type).toBe('hop.tempo');
    },
  );

  test('with a variable for insecure is judged by its endpoint', () => {
    const verdict = judge(factsWith('a variable for insecure'));
    expect(verdict).toMatchObject({ type: 'hop.collector-tempo', retryable: false });
    expect(verdict?.message).toContain('tempo.tracing:9999');
    expect(read('a variable for insecure').config.exporters['otlp']?.insecure).toBeUndefined();
  });

  test('with connectors and the names of later versions sends to Tempo', () => {
    const name = 'connectors and new names';
    expect(read(name)).toMatchObject({
      targets: [
        { name: 'otlp_grpc/tempo', isHttp: false },
        { where: 'exporters.otlphttp/other.traces_endpoint', isHttp: true },
      ],
      unjudged: [],
      config: { exporters: { 'otlp_grpc/tempo': { insecure: true } } },
    });
    expect(parseEndpoint('dns:///tempo.tracing.svc.cluster.local:4317', 'otel', 4317)).toMatchObject({
      host: 'tempo.tracing.svc.cluster.local',
      port: 4317,
      tls: undefined,
      service: { namespace: 'tracing', service: 'tempo' },
    });
    expect(judge(factsWith(name))).toBeUndefined();
  });

  test.each(['tempo.tracing.svc.cluster.local.:4317', 'Tempo.Tracing:4317', 'tempo.tracing.svc:4317'])(
    'names the Service of Tempo as names may be written: %s',
    (address) => {
      expect(parseEndpoint(address, 'otel', 4317)?.service).toEqual({
        namespace: 'tracing',
        service: 'tempo',
      });
    },
  );

  test.each(['unix:///run/tempo.sock', 'xds:///tempo'])('is given no advice about %s', (address) => {
    const use = { ...useOf('exporters.otlp.endpoint', address), exporter: 'otlp' };
    expect(judge(factsOf('proof.trace-missing', collector({ targets: [use] })))).toBeUndefined();
  });

  test.each([
    'a: [',
    '7',
    'service: { pipelines: { traces: { receivers: "${env:R}", exporters: [otlp] } } }',
  ])('that cannot be read is no configuration: %s', (text) => {
    expect(parseCollectorConfig(text)).toBeUndefined();
  });

  test('whose pods have sidecars may send to one of them', () => {
    const use = {
      ...useOf('exporters.otlp.endpoint', 'localhost:4317'),
      exporter: 'otlp',
      hasSidecars: true,
    };
    expect(judge(factsOf('proof.trace-missing', collector({ targets: [use] })))).toBeUndefined();
  });

  test('that does not trust the certificate of Tempo is not told that Tempo speaks no TLS', () => {
    const exportErrors = ['tls: failed to verify certificate: x509: certificate signed by unknown authority'];
    const logged = { own: true, others: 50, exportErrors };
    const verdict = judge(factsOf('proof.trace-missing', collector({ logged })));
    expect(verdict?.type).toBe('hop.collector-tempo');
    expect(verdict?.remedy).toContain('tls.ca_file');
  });

  test('sends to the distributor of a Tempo in parts', () => {
    const use = useOf('exporters.otlp.endpoint', 'tempo-distributor.tracing:4317', serviceOf(4317));
    const facts = factsOf('proof.trace-missing', {
      ...collector({ targets: [{ ...use, exporter: 'otlp' }] }),
      ...tempo({ received: 0 }),
    });
    const ingest = { namespace: 'tracing', service: 'tempo-distributor', port: 4317 };
    expect(
      judge({ ...facts, spec: { ...facts.spec, tempo: { ...facts.spec.tempo, ingest } } }),
    ).toBeUndefined();
    expect(judge(facts)?.remedy).toBe('Set exporters.otlp.endpoint to tempo.tracing:4317.');
  });
});
