import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isTracewrightError, type TracewrightError } from '../../src/domain/failure.js';
import type { Proof } from '../../src/domain/proof.js';
import type { ProofSpec } from '../../src/domain/stack.js';
import { proveStack, type ProveOptions } from '../../src/proof/verify.js';
import { GrafanaServer } from './support/grafana-server.js';
import { LoopbackKube } from './support/loopback-kube.js';
import {
  missingPrograms,
  Programs,
  type CollectorProcess,
  type HotrodProcess,
  type TempoProcess,
} from './support/programs.js';

const spec: ProofSpec = {
  ride: {
    namespace: 'default',
    service: 'hotrod',
    port: 8080,
    customer: 123,
    customerName: "Rachel's Floral Designs",
  },
  collector: {
    namespace: 'otel-system',
    service: 'collector',
    otlpHttpPort: 4318,
    podSelector: 'app=collector',
  },
  tempo: { namespace: 'tracing', service: 'tempo', port: 3100 },
  expect: { spans: 35, services: ['frontend', 'customer', 'driver', 'route'] },
  traceql: '{ span.http.status_code >= 200 && span.http.status_code < 300 }',
  grafana: { skip: 'no Grafana here' },
};

// The title of a skipped suite is not printed.
if (missingPrograms !== undefined)
  console.warn(`SKIPPED, the proof against real programs: ${missingPrograms}`);

describe.skipIf(missingPrograms)('a stack of real programs', () => {
  let programs: Programs;
  let tempo: TempoProcess;
  let collector: CollectorProcess;
  let hotrod: HotrodProcess;
  let kube: LoopbackKube;

  beforeAll(async () => {
    programs = await Programs.open();
    tempo = await programs.tempo();
    collector = await programs.collector(tempo.otlpPort);
    hotrod = await programs.hotrod(collector.jaegerPort);
  });
  afterAll(() => programs.close());
  beforeEach(() => {
    kube = kubeOf(hotrod, collector, tempo);
  });

  test('is proved by a ride, found at every hop', async () => {
    const progress: string[] = [];
    const proof = await prove({ onProgress: (text) => progress.push(text) });

    expect(proof.traceId).toMatch(/^[0-9a-f]{32}$/u);
    expect(proof.ride).toMatchObject({
      customer: 123,
      customerName: "Rachel's Floral Designs",
    });
    // The best of ten drivers, each by chance, in whole minutes and at least two.
    expect(proof.ride.etaSeconds % 60).toBe(0);
    expect(proof.ride.etaSeconds).toBeGreaterThanOrEqual(120);
    expect(proof.ride.driver).toMatch(/^T\d+C$/u);
    expect(states(proof)).toEqual({
      ride: 'passed',
      'collector-log': 'passed',
      'tempo-by-id': 'passed',
      traceql: 'passed',
      grafana: 'skipped',
    });
    expect(proof.checks.at(-1)?.reason).toBe('no Grafana here');
    expect(proof.spans).toBeGreaterThan(35);
    expect(proof.services).toMatchObject({ tracewright: 1, customer: 1, driver: 1, route: 10 });
    expect(proof.longest.rootName).not.toBe('');
    expect(progress[0]).toBe("a ride for Rachel's Floral Designs");
    expect(progress.some((line) => line.includes('Tempo, by TraceQL'))).toBe(true);
    // It goes through the history of the workflow.
    expect(JSON.parse(JSON.stringify(proof))).toEqual(proof);
    expect(JSON.stringify(proof).length).toBeLessThan(2_000);
  });

  test('is proved with the trace id that was chosen', async () => {
    const proof = await prove({ random: (bytes) => new Uint8Array(bytes).fill(7) });
    expect(proof.traceId).toBe('07'.repeat(16));
    expect(kube.asked).toContain(`tempo.tracing:3100/api/traces/${'07'.repeat(16)}`);
  });

  test('names the longest trace, also when it is not ours', async () => {
    const slow = 'ab'.repeat(16);
    await send(collector, { traceId: slow, service: 'batch', name: 'nightly', durationMs: 12_000 });
    const proof = await prove({});
    expect(proof.longest).toEqual({
      traceId: slow,
      rootService: 'batch',
      rootName: 'nightly',
      durationMs: 12_000,
      isOurs: false,
    });
  });

  test('is proved through Grafana too, where the stack has it', async () => {
    const grafana = await GrafanaServer.start({
      version: '9.3.6',
      tempoUrl: `http://127.0.0.1:${String(tempo.httpPort)}`,
    });
    kube.services.set('grafana.monitoring:80', { port: grafana.port });
    const address = { namespace: 'monitoring', service: 'grafana', port: 80 };
    const proof = await prove({ spec: { ...spec, grafana: { ...address, datasource: 'Tempo' } } });
    expect(states(proof).grafana).toBe('passed');

    const wrong = await failure({
      spec: { ...spec, grafana: { ...address, datasource: 'Tempo 2' } },
      limits: { grafanaMs: 500 },
    });
    expect(wrong.type).toBe('proof.grafana-failed');
    expect(wrong.evidence.join('\n')).toMatch(/✓ Tempo, by TraceQL/u);
    grafana.stop();
  });

  test('a customer whom HotROD does not know fails the ride, and nothing else is asked', async () => {
    const error = await failure({ spec: { ...spec, ride: { ...spec.ride, customer: 999 } } });
    expect(error).toMatchObject({ type: 'proof.ride-failed', retryable: false });
    expect(error.message).toContain('customer 999');
    expect(kube.asked).toEqual(['hotrod.default:8080/dispatch?customer=999']);
  });

  test('HotROD is down: its Service has no endpoints', async () => {
    kube.services.delete('hotrod.default:8080');
    const error = await failure({ limits: { rideStartMs: 1_000 } });
    expect(kube.asked.length).toBeGreaterThan(1);
    expect(error.type).toBe('proof.ride-failed');
    expect(error.message).toContain('no endpoints available for service "hotrod"');
    expect(error.remedy).toContain('kubectl -n default describe service,pods');
  });

  test('HotROD sends its spans elsewhere: the hop is named', async () => {
    const mute = await programs.hotrod(1);
    kube = kubeOf(mute, collector, tempo);
    const error = await failure({ limits: { collectorMs: 7_000, byIdMs: 7_000 } });
    expect(error.type).toBe('proof.collector-silent');
    expect(error.message).toContain('HotROD took the ride but sends no spans');
    expect(error.remedy).toContain('HotROD → collector');
    expect(error.evidence.join('\n')).toMatch(/✗ Collector's log: only our root span in its log yet/u);
    expect(error.evidence.join('\n')).toMatch(
      /Tempo, by trace id: .*0 of 35 spans; missing: frontend, customer, driver, route/u,
    );
    await mute.stop();
  });

  test('the collector is down', async () => {
    const dead = await programs.collector(tempo.otlpPort);
    await dead.stop();
    kube = kubeOf(hotrod, dead, tempo);
    const error = await failure({ limits: { collectorMs: 1_500 } });
    expect(error.type).toBe('proof.collector-silent');
    expect(error.message).toContain(
      'did not take our spans over OTLP: HTTP 503: error trying to reach service',
    );
  });

  test('the collector does not log: Tempo has the trace, and the remedy says so', async () => {
    const silent = await programs.collector(tempo.otlpPort, ['otlp']);
    const rider = await programs.hotrod(silent.jaegerPort);
    kube = kubeOf(rider, silent, tempo);
    const error = await failure({ limits: { collectorMs: 8_000 } });
    expect(error.type).toBe('proof.collector-silent');
    expect(error.message).toContain('its log shows nothing of trace');
    expect(error.remedy).toContain('Tempo has the whole trace');
    expect(error.evidence.join('\n')).toMatch(/✓ Tempo, by trace id: \d+ spans/u);
    await Promise.all([rider.stop(), silent.stop()]);
  });

  test('the collector cannot reach Tempo: the hop is named, with what the collector says', async () => {
    const lost = await programs.collector(1);
    const rider = await programs.hotrod(lost.jaegerPort);
    kube = kubeOf(rider, lost, tempo);
    const error = await failure({ limits: { byIdMs: 7_000 } });
    expect(error.type).toBe('proof.trace-missing');
    expect(error.message).toContain('does not know trace');
    expect(error.remedy).toContain('collector → Tempo');
    expect(error.evidence.join('\n')).toMatch(/collector: .*connection refused/u);
    expect(error.evidence.join('\n')).toMatch(/✓ Collector's log: \d+ spans of the ride and our root span/u);
    expect(error.evidence.join('\n')).toMatch(/\? Tempo, by TraceQL: last seen: /u);
    await Promise.all([rider.stop(), lost.stop()]);
  });

  test('Tempo is down', async () => {
    kube.services.set('tempo.tracing:3100', { port: 1 });
    const error = await failure({ limits: { byIdMs: 7_000 } });
    expect(error.type).toBe('proof.trace-missing');
    expect(error.message).toContain('Tempo at tempo.tracing:3100 does not answer by trace id: HTTP 503');
    expect(error.evidence.join('\n')).toMatch(/✓ Collector's log/u);
  });

  test('a stack that promises more than there is lacks spans and services', async () => {
    const error = await failure({
      spec: { ...spec, expect: { spans: 500, services: ['frontend', 'billing'] } },
      limits: { byIdMs: 7_000 },
    });
    expect(error.type).toBe('proof.trace-incomplete');
    expect(error.message).toMatch(/\d\d of 500 spans of frontend, .*; missing: billing\.$/u);
  });

  test('a search that does not fit finds nothing', async () => {
    const error = await failure({
      spec: { ...spec, traceql: '{ span.http.status_code = 777 }' },
      limits: { searchMs: 6_000 },
    });
    expect(error.type).toBe('proof.search-silent');
    expect(error.message).toContain('it finds nothing yet');
  });

  test('a search that Tempo refuses is not repeated', async () => {
    const error = await failure({ spec: { ...spec, traceql: '{ oh dear' } });
    expect(error).toMatchObject({ type: 'proof.search-silent', retryable: false });
    expect(error.message).toContain('refuses the query { oh dear');
    expect(kube.asked.filter((path) => path.includes('/api/search'))).toHaveLength(1);
  });

  test('stops at once when it is cancelled', async () => {
    const controller = new AbortController();
    const ends = failure({ signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    controller.abort();
    expect((await ends).type).toBe('step.cancelled');
  });

  function prove(options: Partial<ProveOptions>): Promise<Proof> {
    return proveStack({
      kube,
      spec,
      stackName: 'embedded',
      signal: new AbortController().signal,
      ...options,
    });
  }

  async function failure(options: Partial<ProveOptions>): Promise<TracewrightError> {
    const result = await prove(options).catch((error: unknown) => error);
    if (isTracewrightError(result)) return result;
    throw result instanceof Error ? result : new Error(`It was proved: ${JSON.stringify(result)}`);
  }
});

function kubeOf(hotrod: HotrodProcess, collector: CollectorProcess, tempo: TempoProcess): LoopbackKube {
  const kube = new LoopbackKube();
  kube.services.set('hotrod.default:8080', { port: hotrod.port });
  kube.services.set('collector.otel-system:4318', { port: collector.otlpHttpPort });
  kube.services.set('tempo.tracing:3100', { port: tempo.httpPort });
  kube.log = () => collector.log();
  return kube;
}

function states({ checks }: Proof): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, state }) => [name, state]));
}

/** A trace of one span that the tutorial's TraceQL finds. */
async function send(
  collector: CollectorProcess,
  it: { traceId: string; service: string; name: string; durationMs: number },
): Promise<void> {
  const start = BigInt(Date.now()) * 1_000_000n;
  const span = {
    traceId: it.traceId,
    spanId: it.traceId.slice(0, 16),
    name: it.name,
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + BigInt(it.durationMs) * 1_000_000n),
    attributes: [{ key: 'http.status_code', value: { intValue: '204' } }],
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: it.service } }] };
  const answer = await fetch(`http://127.0.0.1:${String(collector.otlpHttpPort)}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
  });
  expect(answer.status).toBe(200);
}
