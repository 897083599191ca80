import { describe, expect, test } from 'vitest';
import { judge } from '../../src/proof/diagnosis/judge.js';
import { collector, factsOf, hotrodWith, jaegerUrl, serviceOf, useOf } from './support/facts.js';

const otlpUrl = 'http://collector.otel:4318';

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
