import { describe, expect, test } from 'vitest';
import type { HopFacts } from '../../src/proof/diagnosis/facts.js';
import { judge } from '../../src/proof/diagnosis/judge.js';
import { parseCollectorConfig } from '../../src/proof/diagnosis/collector-config.js';
import { collectorConfigOfTheTutorial } from '../stacks/tutorial.js';
import { collector, factsOf, serviceOf, spec, workloadOf } from './support/facts.js';

const config = (from: string | RegExp, to: string): Pick<HopFacts, 'collector'> =>
  collector({
    config: parseCollectorConfig(collectorConfigOfTheTutorial.replace(from, to)),
    logged: { own: false, others: 0, exportErrors: [] },
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

  test('is a sidecar that no pod has: how it gets into one', () => {
    const facts = factsOf('proof.collector-silent', {
      ...collector({
        service: serviceOf(4318, 8888),
        workload: workloadOf('deployment/hotrod'),
        without: { pod: 'hotrod-0', containers: ['hotrod'] },
        config: undefined,
        logged: undefined,
      }),
      spec: { ...spec, collector: { ...spec.collector, container: 'otc-container' } },
    });
    const verdict = judge(facts);
    expect(verdict).toMatchObject({ type: 'hop.collector', retryable: false });
    expect(verdict?.message).toContain('pod hotrod-0 in otel has no container otc-container; it has hotrod.');
    expect(verdict?.remedy).toContain('kubectl -n otel rollout restart deployment/hotrod');
  });
});
