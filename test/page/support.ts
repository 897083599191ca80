import { createApi } from '../../src/page/api.js';
import { servePage, type ServedPage } from '../../src/page/server.js';
import type { HopView, StatusAnswer } from '../../src/page/wire.js';
import { hotrodCustomers } from '../../src/proof/hotrod.js';
import type { ProofKube } from '../../src/proof/cluster-access.js';
import { pageFolder } from '../../src/cli/serve-traces.js';
import { type CheckName, checkTitles } from '../../src/domain/proof.js';
import type { ProofSpec } from '../../src/domain/stack.js';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';

export const spec: ProofSpec = {
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
  tempo: { namespace: 'tracing', service: 'tempo', port: 3100, title: 'trace-store' },
  expect: { spans: 35, services: ['frontend', 'customer', 'driver', 'route'] },
  traceql: '{ span.http.status_code >= 200 && span.http.status_code < 300 }',
  grafana: { skip: 'There is no Grafana here.' },
};

export const noStatus: StatusAnswer = {
  phase: 'Ready',
  paused: false,
  steps: [
    { name: 'cluster', state: 'done', text: 'created, Kubernetes v1.34.4', tookMs: 10_000 },
    { name: 'collector', state: 'running', text: 'pods 0/1', tookMs: 1_200 },
    {
      name: 'hotrod',
      state: 'blocked',
      text: 'ready.image-pull',
      tookMs: 300,
      failure: { type: 'ready.image-pull', message: 'The image cannot be pulled.', remedy: 'Look for it.' },
    },
    { name: 'verification', state: 'pending', text: 'waits for hotrod' },
  ],
  hops: [],
};

/** Serves the built page over whatever stands for the cluster. */
export function serve(
  kube: ProofKube,
  status: () => Promise<StatusAnswer> = () => Promise.resolve(noStatus),
): Promise<ServedPage> {
  return servePage({
    port: 7_400,
    fixed: false,
    folder: pageFolder,
    api: createApi({
      kube,
      spec,
      status,
      facts: {
        environment: 'embedded',
        stack: 'embedded',
        store: 'trace-store',
        traceql: spec.traceql,
        customers: Object.entries(hotrodCustomers).map(([id, name]) => ({ id: Number(id), name })),
        madeBy: 'Tracewright test',
      },
    }),
  });
}

/** The hops in states that a test chooses; the others wait. */
export function hopsOf(states: Partial<Record<CheckName, HopView['state']>>): HopView[] {
  return (Object.entries(checkTitles('trace-store')) as [CheckName, string][]).map(([name, title]) => {
    const state = states[name] ?? 'waits';
    return {
      name,
      title,
      state,
      text: `${state} at ${name}`,
      ...(state === 'failed' && { remedy: `Mend ${name}.` }),
    };
  });
}

/** An answer of Tempo: a root, and below it calls of calls of ten services, some of which fail. */
export function largeTrace(spans: number): object {
  const id = (index: number): string => (index + 1).toString(16).padStart(16, '0');
  const start = 1_795_900_000_000_000_000n;
  const text = (key: string, stringValue: string): object => ({ key, value: { stringValue } });
  const batches = Array.from({ length: 10 }, (_, service) => ({
    resource: { attributes: [text('service.name', `service-${String(service)}`)] },
    scopeSpans: [
      {
        spans: Array.from({ length: Math.ceil((spans - service) / 10) }, (_, n) => {
          const index = n * 10 + service;
          const depth = index % 7;
          return {
            traceId: 'a'.repeat(32),
            spanId: id(index),
            ...(index > 0 && { parentSpanId: id(depth === 0 ? 0 : index - 1) }),
            name: `operation ${String(index % 23)}`,
            kind: 3,
            startTimeUnixNano: String(start + BigInt(index) * 100_000n),
            endTimeUnixNano: String(
              start + (index === 0 ? BigInt(spans) * 110_000n : BigInt(index + 9 - depth) * 100_000n),
            ),
            attributes: [text('key', `value ${String(index)}`)],
            status: { code: index % 97 === 5 ? 2 : 0 },
          };
        }),
      },
    ],
  }));
  return { batches };
}

/** Sends such a trace of 10,000 spans to a cluster, in one request, by the way that all traces take. */
export async function sendLargeTrace(kube: Kubernetes): Promise<void> {
  const { batches } = largeTrace(10_000) as { batches: unknown };
  const collector = { namespace: 'otel-system', service: 'otel-collector-collector', port: 4318 };
  const { status, body } = await kube.serviceRequest(collector, '/v1/traces', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: batches }),
  });
  if (status !== 200) throw new Error(`The collector answered ${String(status)}: ${body}`);
}
