import { describe, expect, test } from 'vitest';
import type { HopFacts } from '../../src/proof/diagnosis/facts.js';
import { judge } from '../../src/proof/diagnosis/judge.js';
import { parseCollectorConfig } from '../../src/proof/diagnosis/collector-config.js';
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
