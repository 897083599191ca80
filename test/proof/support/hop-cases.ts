import type { FailureType } from '../../../src/domain/failure.js';
import type { ProofSpec } from '../../../src/domain/stack.js';
import type { ProofLimits } from '../../../src/proof/run.js';
import { workingEnv, type Breakage } from './stack-breaker.js';

/** A hop that is really broken, and what the diagnosis must say of it. */
export interface HopCase {
  readonly title: string;
  readonly breakage?: Breakage;
  /** What is wrong in the stack file. */
  readonly proof?: Partial<ProofSpec>;
  /** In milliseconds; where the hops before the broken one work. */
  readonly limits?: Partial<ProofLimits>;
  readonly type: FailureType;
  readonly message: RegExp;
  readonly remedy: RegExp;
  /** Lines that must be there. */
  readonly evidence: readonly RegExp[];
  readonly retryable?: boolean;
}

/** Of what `up` applies and somebody has changed: it is put back. */
const putBack = (what: string, fix: RegExp): RegExp =>
  new RegExp(
    `^\`tracewright up\`, called as before, puts back what was changed by hand: ${what}[^;]*\\. Or fix it otherwise, then \`tracewright retry\`: ${fix.source}`,
    'u',
  );
const hotrodEnv = 'Deployment default/example-hotrod differs in spec.template.spec.containers\\[0\\].env';
const collectorConfig = 'OpenTelemetryCollector otel-system/otel-collector differs in spec.config';
const tempoConfig = 'ConfigMap tracing/trace-store differs in data\\.trace-store\\.yaml';
const jaegerEndpoint = workingEnv.OTEL_EXPORTER_JAEGER_ENDPOINT;
const collectorService = /Service otel-collector-collector\.otel-system:4318, 1 ready endpoints/u;

export const hopCases: readonly HopCase[] = [
  {
    title: 'HotROD has the variable of another version',
    breakage: {
      hotrodEnv: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel-collector-collector.otel-system:4318' },
    },
    type: 'hop.hotrod-collector',
    message:
      /example-hotrod:1\.42\.0 takes the address from OTEL_EXPORTER_JAEGER_ENDPOINT, but OTEL_EXPORTER_OTLP_ENDPOINT is set/u,
    remedy: putBack(
      hotrodEnv,
      /Set OTEL_EXPORTER_JAEGER_ENDPOINT to http:\/\/otel-collector-collector\.otel-system\.svc\.cluster\.local:14268\/api\/traces in deployment\/example-hotrod/u,
    ),
    evidence: [
      /HotROD: OTEL_EXPORTER_OTLP_ENDPOINT=http/u,
      /since the ride accepted .*1 \(otlp\)/u,
      /our root span, 0 spans of the ride/u,
      collectorService,
    ],
  },
  {
    title: 'HotROD sends to a Service that does not exist',
    breakage: { hotrodEnv: { OTEL_EXPORTER_JAEGER_ENDPOINT: jaegerEndpoint.replace('otel-system', 'otel') } },
    type: 'hop.hotrod-collector',
    message:
      /is http:\/\/otel-collector-collector\.otel\..*, but there is no Service otel-collector-collector in the namespace otel\./u,
    remedy: putBack(hotrodEnv, /Set OTEL_EXPORTER_JAEGER_ENDPOINT of deployment\/example-hotrod to /u),
    evidence: [/HotROD's log: .*no such host/u],
  },
  {
    title: 'HotROD is scaled to 0',
    breakage: { hotrodReplicas: 0 },
    type: 'hop.hotrod',
    message: /deployment\/example-hotrod in default is scaled to 0/u,
    remedy: putBack(
      'Deployment default/example-hotrod differs in spec.replicas',
      /.*kubectl -n default scale deployment\/example-hotrod --replicas=1/u,
    ),
    evidence: [/HotROD: Service example-hotrod\.default:8080, 0 ready endpoints/u],
  },
  {
    title: 'the collector has no jaeger receiver in its pipeline',
    breakage: {
      collectorConfig: (config) => config.replace('receivers: [otlp, jaeger]', 'receivers: [otlp]'),
    },
    type: 'hop.hotrod-collector',
    message:
      /HotROD sends its spans by jaeger \(thrift_http\), but the collector takes none: its jaeger receiver is in no traces pipeline/u,
    remedy: putBack(collectorConfig, /.*jaeger among the receivers of the traces pipeline/u),
    evidence: [/pipeline traces: otlp → logging, otlp/u],
  },
  {
    title: 'the collector has no otlp receiver',
    breakage: {
      collectorConfig: (config) => config.replace('receivers: [otlp, jaeger]', 'receivers: [jaeger]'),
    },
    type: 'hop.collector',
    message: /has no otlp receiver in its traces pipelines \(traces: jaeger\)/u,
    remedy: putBack(collectorConfig, /.*otlp among the receivers/u),
    evidence: [/pipeline traces: jaeger → logging, otlp/u],
  },
  {
    title: 'the collector does not log',
    breakage: {
      collectorConfig: (config) => config.replace('exporters: [logging, otlp]', 'exporters: [otlp]'),
    },
    type: 'hop.collector',
    message: /logs no spans: its traces pipelines have the exporters otlp/u,
    remedy: putBack(collectorConfig, /.*logging with loglevel debug/u),
    evidence: [/✓ trace-store, by trace id/u],
  },
  {
    title: 'the collector is scaled to 0',
    breakage: { collectorReplicas: 0 },
    type: 'hop.collector',
    message: /deployment\/otel-collector-collector in otel-system is scaled to 0/u,
    remedy: /Set spec\.replicas of the OpenTelemetryCollector otel-collector/u,
    evidence: [/otel-system:4318, 0 ready endpoints/u],
  },
  {
    title: 'the collector crashes over its configuration',
    breakage: {
      collectorConfig: (config) => config.replace('loglevel: debug', 'loglevel: verbose'),
      collectorCrashes: true,
    },
    type: 'hop.collector',
    message: /The collector does not run: pod .*crashed .*loglevel/su,
    remedy: putBack(
      collectorConfig,
      /.*Correct its configuration\. Its log: kubectl -n otel-system logs .* --previous/u,
    ),
    evidence: [/0 of 1 pods ready/u],
  },
  {
    title: 'the collector has no exporter but its log',
    breakage: {
      collectorConfig: (config) => config.replace('exporters: [logging, otlp]', 'exporters: [logging]'),
    },
    type: 'hop.collector-tempo',
    message:
      /No exporter in the traces pipelines of the collector .* sends to trace-store: they have logging/u,
    remedy: putBack(collectorConfig, /.*Add the otlp exporter \(endpoint tempo\.tracing:4317/u),
    evidence: [/since the ride accepted .*; sent \d+ \(logging\)/u, /✓ Collector's log/u],
  },
  {
    title: 'the collector sends to a port that the Service of Tempo does not have',
    breakage: { collectorConfig: (config) => config.replace('tempo.tracing:4317', 'tempo.tracing:4319') },
    type: 'hop.collector-tempo',
    message:
      /exporters\.otlp\.endpoint is tempo\.tracing:4319, but the Service tempo\.tracing has no port 4319 \(it has 3100, /u,
    remedy: putBack(collectorConfig, /Set exporters\.otlp\.endpoint to tempo\.tracing:4317\.$/u),
    evidence: [/trace-store: since the ride 0 spans received/u],
  },
  {
    title: 'Tempo is scaled to 0',
    breakage: { tempoReplicas: 0 },
    type: 'hop.tempo',
    message: /statefulset\/trace-store in tracing is scaled to 0/u,
    remedy: putBack(
      'StatefulSet tracing/trace-store differs in spec.replicas',
      /kubectl -n tracing scale statefulset\/trace-store --replicas=1/u,
    ),
    evidence: [/trace-store: Service tempo\.tracing:3100, 0 ready endpoints/u],
  },
  {
    title: 'Tempo has no otlp receiver',
    breakage: { tempoConfig: (config) => config.replace(/^ +- otlp\n/mu, '') },
    type: 'hop.tempo',
    message: /runs, but takes no spans on the port that the collector sends to: .*connection refused/u,
    remedy: putBack(tempoConfig, /.*distributor\.receivers/u),
    evidence: [/collector: .*connection refused/u],
  },
  {
    title: 'Tempo throws spans away',
    breakage: {
      tempoConfig: (config) => config.replace('max_trace_kib: 0', 'max_trace_kib: 1'),
    },
    type: 'hop.tempo',
    message: /throws spans away: .*TRACE_TOO_LARGE/u,
    remedy: putBack(tempoConfig, /.*max_bytes_per_trace/u),
    evidence: [/trace-store: discarded \d+ \(trace_too_large\)/u],
  },
  {
    title: 'HotROD has the variable of an agent',
    breakage: { hotrodEnv: { JAEGER_AGENT_HOST: 'otel-collector-collector.otel-system' } },
    type: 'hop.hotrod-collector',
    message: /takes the address from OTEL_EXPORTER_JAEGER_ENDPOINT, but JAEGER_AGENT_HOST is set/u,
    remedy: putBack(hotrodEnv, /Set OTEL_EXPORTER_JAEGER_ENDPOINT to .*, instead of JAEGER_AGENT_HOST/u),
    evidence: [/HotROD: JAEGER_AGENT_HOST=otel-collector/u, /HotROD's log: .*14268.*connection refused/u],
  },
  {
    title: 'the selector of the Service of the collector fits no pod',
    breakage: { collectorSelector: { app: 'nobody' } },
    type: 'hop.collector',
    message:
      /No workload stands behind the Service otel-collector-collector in otel-system: no pod fits its selector app=nobody/u,
    // So that the operator does not fix the selector at once.
    remedy: putBack(
      'Deployment otel-system/opentelemetry-operator differs in spec.replicas',
      /.*kubectl -n otel-system edit service otel-collector-collector/u,
    ),
    evidence: [/Service otel-collector-collector\.otel-system:4318, 0 ready endpoints, no workload/u],
  },
  {
    title: 'the collector sends to a Service that does not exist',
    breakage: {
      collectorConfig: (config) => config.replace('tempo.tracing:4317', 'tempo-distributor.tracing:4317'),
    },
    type: 'hop.collector-tempo',
    message:
      /exporters\.otlp\.endpoint is tempo-distributor\.tracing:4317, but there is no Service tempo-distributor in the namespace tracing/u,
    remedy: putBack(collectorConfig, /Set exporters\.otlp\.endpoint to tempo\.tracing:4317\.$/u),
    evidence: [/collector: .*lookup tempo-distributor\.tracing .*(?:no such host|server misbehaving)/u],
  },
  {
    title: 'the collector wants TLS of Tempo',
    breakage: {
      collectorConfig: (config) =>
        config.replace(/(endpoint: tempo\.tracing:4317\s+tls:\s+insecure:) true/u, '$1 false'),
    },
    type: 'hop.collector-tempo',
    message: /wants TLS of trace-store, which does not speak it: .*does not look like a TLS handshake/u,
    remedy: putBack(collectorConfig, /Set exporters\.otlp\.tls\.insecure to true\.$/u),
    evidence: [/trace-store: \/ready answers 200/u, /trace-store: since the ride 0 spans received/u],
  },
  {
    title: 'the selector of the Service of Tempo fits no pod',
    breakage: { tempoSelector: { app: 'nobody' } },
    type: 'hop.tempo',
    message: /No workload stands behind the Service tempo in tracing: no pod fits its selector app=nobody/u,
    remedy: putBack(
      'Service tracing/tempo differs in spec.selector',
      /.*kubectl -n tracing edit service tempo/u,
    ),
    evidence: [/Service tempo\.tracing:3100, 0 ready endpoints, no workload/u, /✓ Collector's log/u],
  },
  {
    title: 'Tempo crashes over its configuration',
    breakage: { tempoConfig: (config) => `${config}\nsearch_enabled: true\n`, tempoCrashes: true },
    type: 'hop.tempo',
    message: /trace-store does not run: pod trace-store-0: .*crashed .*search_enabled/su,
    remedy: putBack(
      tempoConfig,
      /Correct its configuration\. Its log: kubectl -n tracing logs trace-store-0 --previous/u,
    ),
    evidence: [/0 of 1 pods ready/u],
  },
  {
    title: 'the search asks for another service',
    proof: { traceql: '{ resource.service.name = "hotrod" }' },
    limits: { collectorMs: 30_000, byIdMs: 30_000 },
    type: 'hop.service-name',
    message: /asks for a service that the trace does not have: hotrod in .* its spans are of .*frontend/u,
    remedy: /^Correct the name of the service in proof\.traceql/u,
    evidence: [/✓ trace-store, by trace id/u],
  },
  {
    title: 'the stack file expects another service',
    proof: { expect: { spans: 35, services: ['frontend', 'hotrod'] } },
    type: 'hop.service-name',
    message: /has as many spans of the ride as the stack file wants, but none of hotrod: its spans are of /u,
    remedy: /correct proof\.expect\.services in the stack file/u,
    evidence: [/✓ Collector's log/u],
    retryable: true,
  },
  {
    title: 'the query does not fit the spans',
    proof: { traceql: '{ span.http.status_code = 777 }' },
    limits: { collectorMs: 30_000, byIdMs: 30_000 },
    type: 'hop.search',
    message: /finds the trace with \{\}, but not with \{ span\.http\.status_code = 777 \}/u,
    remedy: /^Correct proof\.traceql in the stack file/u,
    evidence: [/✓ trace-store, by trace id/u],
  },
];

/** Beside the others, as no Grafana is to be had for the embedded cluster: a local server answers in its place. */
export const grafanaCase: HopCase = {
  title: 'the datasource of Grafana has the port of a later chart',
  type: 'hop.grafana',
  message:
    /the url of the datasource Tempo is http:\/\/tempo\.tracing:3200, but the Service tempo\.tracing has no port 3200/u,
  remedy: /^Set the url of the datasource Tempo to http:\/\/tempo\.tracing:3100\.$/u,
  evidence: [/✓ trace-store, by TraceQL/u],
};
