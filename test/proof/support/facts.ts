import type { FailureType } from '../../../src/domain/failure.js';
import type { ProofSpec } from '../../../src/domain/stack.js';
import { parseCollectorConfig } from '../../../src/proof/diagnosis/collector-config.js';
import { type EndpointUse, parseEndpoint, type ServiceFacts } from '../../../src/proof/diagnosis/endpoint.js';
import type { HopFacts, WorkloadFacts } from '../../../src/proof/diagnosis/facts.js';
import { collectorConfigOfTheTutorial } from '../../stacks/tutorial.js';

export const spec: ProofSpec = {
  ride: { namespace: 'default', service: 'hotrod', port: 8080, customer: 123, customerName: 'Rachel' },
  collector: { namespace: 'otel', service: 'collector', otlpHttpPort: 4318, podSelector: 'app=collector' },
  tempo: { namespace: 'tracing', service: 'tempo', port: 3100 },
  expect: { spans: 35, services: ['frontend'] },
  traceql: '{ span.http.status_code = 200 }',
  grafana: { namespace: 'monitoring', service: 'grafana', port: 80, datasource: 'Tempo' },
};

export const serviceOf = (...ports: number[]): ServiceFacts => ({ ports, readyEndpoints: 1 });

export const workloadOf = (name: string, more: Partial<WorkloadFacts> = {}): WorkloadFacts => ({
  name,
  owner: undefined,
  replicas: 1,
  image: `${name}:1`,
  args: [],
  env: {},
  pods: [{ name: `${name}-0`, ready: true, trouble: undefined, lastLines: [] }],
  ...more,
});

/** An endpoint in the namespace `default`, and the Service behind it. */
export const useOf = (
  where: string,
  text: string | undefined,
  service?: EndpointUse['service'],
): EndpointUse => ({
  where,
  text,
  endpoint: text === undefined ? undefined : parseEndpoint(text, 'default', 80),
  service,
});

const collectorService = serviceOf(4317, 4318, 14268);
const tempoService = serviceOf(3100, 4317, 4318);
export const jaegerUrl = 'http://collector.otel.svc.cluster.local:14268/api/traces';

export const hotrodWith = (
  image: string,
  env: Readonly<Record<string, string>>,
  more: Partial<HopFacts['hotrod']> = {},
): HopFacts['hotrod'] => ({
  service: serviceOf(8080),
  workload: workloadOf('deployment/hotrod', { image, env }),
  exporterInLog: undefined,
  target: undefined,
  exportErrors: [],
  ...more,
});

/** A stack at which nothing is wrong: each test changes what it is about. */
export function factsOf(broken: FailureType, change: Partial<HopFacts> = {}): HopFacts {
  return {
    spec,
    broken,
    hotrod: hotrodWith(
      'example-hotrod:1.42.0',
      { OTEL_EXPORTER_JAEGER_ENDPOINT: jaegerUrl },
      { target: useOf('OTEL_EXPORTER_JAEGER_ENDPOINT of deployment/hotrod', jaegerUrl, collectorService) },
    ),
    collector: {
      service: collectorService,
      workload: workloadOf('deployment/collector'),
      config: parseCollectorConfig(collectorConfigOfTheTutorial),
      logged: { own: true, others: 0, exportErrors: [] },
      counts: undefined,
      targets: [
        { ...useOf('exporters.otlp.endpoint', 'tempo.tracing:4317', tempoService), exporter: 'otlp' },
      ],
    },
    tempo: {
      service: tempoService,
      workload: workloadOf('statefulset/tempo'),
      ready: { status: 200, text: 'ready' },
      received: undefined,
      discarded: {},
      byId: undefined,
      services: undefined,
      search: undefined,
      errors: [],
    },
    grafana: {
      service: serviceOf(80),
      workload: workloadOf('deployment/grafana'),
      datasources: [
        {
          ...useOf('the url of the datasource Tempo', 'http://tempo.tracing:3100', tempoService),
          name: 'Tempo',
        },
      ],
    },
    ...change,
  };
}

export const collector = (change: Partial<HopFacts['collector']>): Pick<HopFacts, 'collector'> => ({
  collector: { ...factsOf('proof.collector-silent').collector, ...change },
});

export const tempo = (change: Partial<HopFacts['tempo']>): Pick<HopFacts, 'tempo'> => ({
  tempo: { ...factsOf('proof.trace-missing').tempo, ...change },
});
