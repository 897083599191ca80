import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FailureType, TracewrightError } from '../../src/domain/failure.js';
import type { ProofKube } from '../../src/proof/cluster-access.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { requestLoopback } from './support/loopback-kube.js';
import { GrafanaServer } from './support/grafana-server.js';
import { relayTo } from './support/tempo-server.js';
import { InstalledStack, workingEnv, type Breakage } from './support/installed-stack.js';

interface Case {
  readonly title: string;
  readonly breakage: Breakage;
  readonly type: FailureType;
  readonly message: RegExp;
  readonly remedy: RegExp;
  /** Lines that must be there. */
  readonly evidence: readonly RegExp[];
  readonly retryable?: boolean;
}

const jaegerEndpoint = workingEnv.OTEL_EXPORTER_JAEGER_ENDPOINT;
const collectorService = /Service otel-collector-collector\.otel-system:4318, 1 ready endpoints/u;

const cases: readonly Case[] = [
  {
    title: 'HotROD has the variable of another version',
    breakage: {
      hotrodEnv: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel-collector-collector.otel-system:4318' },
    },
    type: 'hop.hotrod-collector',
    message:
      /example-hotrod:1\.42\.0 takes the address from OTEL_EXPORTER_JAEGER_ENDPOINT, but OTEL_EXPORTER_OTLP_ENDPOINT is set/u,
    remedy:
      /^Set OTEL_EXPORTER_JAEGER_ENDPOINT to http:\/\/otel-collector-collector\.otel-system\.svc\.cluster\.local:14268\/api\/traces in deployment\/example-hotrod/u,
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
    remedy: /^Set OTEL_EXPORTER_JAEGER_ENDPOINT of deployment\/example-hotrod to /u,
    evidence: [/HotROD's log: .*no such host/u],
  },
  {
    title: 'HotROD is scaled to 0',
    breakage: { hotrodReplicas: 0 },
    type: 'hop.hotrod',
    message: /deployment\/example-hotrod in default is scaled to 0/u,
    remedy: /kubectl -n default scale deployment\/example-hotrod --replicas=1/u,
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
    remedy: /jaeger among the receivers of the traces pipeline/u,
    evidence: [/pipeline traces: otlp → logging, otlp/u],
  },
  {
    title: 'the collector has no otlp receiver',
    breakage: {
      collectorConfig: (config) => config.replace('receivers: [otlp, jaeger]', 'receivers: [jaeger]'),
    },
    type: 'hop.collector',
    message: /has no otlp receiver in its traces pipelines \(traces: jaeger\)/u,
    remedy: /otlp among the receivers/u,
    evidence: [/pipeline traces: jaeger → logging, otlp/u],
  },
  {
    title: 'the collector does not log',
    breakage: {
      collectorConfig: (config) => config.replace('exporters: [logging, otlp]', 'exporters: [otlp]'),
    },
    type: 'hop.collector',
    message: /logs no spans: its traces pipelines have the exporters otlp/u,
    remedy: /logging with loglevel debug/u,
    evidence: [/✓ Tempo, by trace id/u],
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
    remedy: /Correct its configuration\. Its log: kubectl -n otel-system logs .* --previous/u,
    evidence: [/0 of 1 pods ready/u],
  },
  {
    title: 'the collector has no exporter but its log',
    breakage: {
      collectorConfig: (config) => config.replace('exporters: [logging, otlp]', 'exporters: [logging]'),
    },
    type: 'hop.collector-tempo',
    message: /No exporter in the traces pipelines of the collector .* sends to Tempo: they have logging/u,
    remedy: /Add the otlp exporter \(endpoint tempo\.tracing:4317/u,
    evidence: [/since the ride accepted .*; sent \d+ \(logging\)/u, /✓ Collector's log/u],
  },
  {
    title: 'the collector sends to a port that the Service of Tempo does not have',
    breakage: { collectorConfig: (config) => config.replace('tempo.tracing:4317', 'tempo.tracing:4319') },
    type: 'hop.collector-tempo',
    message:
      /exporters\.otlp\.endpoint is tempo\.tracing:4319, but the Service tempo\.tracing has no port 4319 \(it has 3100, /u,
    remedy: /^Set exporters\.otlp\.endpoint to tempo\.tracing:4317\.$/u,
    evidence: [/Tempo: since the ride 0 spans received/u],
  },
  {
    title: 'Tempo is scaled to 0',
    breakage: { tempoReplicas: 0 },
    type: 'hop.tempo',
    message: /statefulset\/tempo in tracing is scaled to 0/u,
    remedy: /kubectl -n tracing scale statefulset\/tempo --replicas=1/u,
    evidence: [/Tempo: Service tempo\.tracing:3100, 0 ready endpoints/u],
  },
  {
    title: 'Tempo has no otlp receiver',
    breakage: { tempoConfig: (config) => config.replace(/^( +)otlp:\n(?:\1 +.*\n)+/mu, '') },
    type: 'hop.tempo',
    message: /runs, but takes no spans on the port that the collector sends to: .*connection refused/u,
    remedy: /distributor\.receivers/u,
    evidence: [/collector: .*connection refused/u],
  },
  {
    title: 'Tempo throws spans away',
    breakage: {
      tempoConfig: (config) =>
        config.replace(
          /^overrides:\n {4}\{\}$/mu,
          'overrides:\n  ingestion_rate_limit_bytes: 1\n  ingestion_burst_size_bytes: 1',
        ),
    },
    type: 'hop.tempo',
    message: /throws spans away: .*RATE_LIMITED/u,
    remedy: /ingestion_rate_limit_bytes/u,
    evidence: [/Tempo: discarded \d+ \(rate_limited\)/u],
  },
];

/** Where the hops before the broken one work. */
const patient = { searchMs: 10_000, grafanaMs: 1_000 };

const reason = await whyNoCluster();

/** Every hop, really broken on a real cluster, and named. */
describe.skipIf(reason !== undefined)('the diagnosis of a broken hop', () => {
  let stack: InstalledStack;
  beforeAll(async () => {
    stack = await InstalledStack.install();
  }, 600_000);
  afterAll(() => stack.remove());

  test.each(cases)('$title', { timeout: 180_000 }, async ({ breakage, ...expected }) => {
    await stack.become(breakage);
    const error = await stack.failure();
    expectVerdict(error, expected);
  });

  test('a query that does not fit the spans', async () => {
    await stack.become({});
    const traceql = '{ span.http.status_code = 777 }';
    const error = await stack.failure({ spec: { ...stack.stack.proof, traceql }, limits: patient });
    expect(error).toMatchObject({ type: 'hop.search', retryable: false });
    expect(error.message).toContain(`finds the trace with {}, but not with ${traceql}`);
  });

  test('a datasource of Grafana with the port of a later chart', async () => {
    await stack.become({});
    await stack.addGrafana('http://tempo.tracing:3200');
    const grafana = await GrafanaServer.start({ version: '9.3.6', tempoUrl: 'http://127.0.0.1:1' });
    const address = { namespace: 'default', service: 'grafana', port: 80 };
    const kube = withGrafana(stack.kube, grafana);
    const proof = { ...stack.stack.proof, grafana: { ...address, datasource: 'Tempo' } };
    const error = await stack.failure({ kube, spec: proof, limits: patient });
    grafana.stop();
    expectVerdict(error, {
      type: 'hop.grafana',
      message:
        /the url of the datasource Tempo is http:\/\/tempo\.tracing:3200, but the Service tempo\.tracing has no port 3200/u,
      remedy: /^Set the url of the datasource Tempo to http:\/\/tempo\.tracing:3100\.$/u,
      evidence: [/✓ Tempo, by TraceQL/u],
    });
  });

  test('is proved through a Grafana that wants the password of its Secret, which is kept nowhere', async () => {
    await stack.become({});
    await stack.addGrafana('http://tempo.tracing:3100');
    const tempo = await relayTo(stack.kube, stack.stack.proof.tempo);
    const password = 'planted-for-this-test';
    const grafana = await GrafanaServer.start({
      version: '13.2.0',
      tempoUrl: tempo.url,
      password,
      anonymous: false,
    });
    const address = { namespace: 'default', service: 'grafana', port: 80 };
    const secret = { name: 'grafana-login', userKey: 'admin-user', passwordKey: 'admin-password' };
    const spec = {
      ...stack.stack.proof,
      grafana: { ...address, datasource: 'Tempo', anonymous: false, secret },
    };
    const kube = withGrafana(stack.kube, grafana);
    await expect(stack.prove({ kube, spec })).rejects.toMatchObject({
      type: 'proof.grafana-failed',
      message: 'There is no Secret default/grafana-login with the login of Grafana.',
    });
    await stack.addSecret(secret.name, { 'admin-user': 'admin', 'admin-password': password });
    const progress: string[] = [];
    const proof = await stack.prove({ kube, spec, onProgress: (text) => progress.push(text) });
    grafana.stop();
    tempo.stop();
    expect(proof.checks.at(-1)).toMatchObject({
      name: 'grafana',
      state: 'passed',
      detail: expect.stringContaining('Grafana 13.2.0, as admin (closed without a login)') as string,
    });
    expect(JSON.stringify([proof, progress])).not.toContain(password);
  });

  test('what people see of it', { timeout: 300_000 }, async () => {
    await stack.become({
      hotrodEnv: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel-collector-collector.otel-system:4318' },
    });
    const verify = await stack.cli.run('verify');
    expect(verify.exitCode, verify.stdout + verify.stderr).toBe(3);
    const status = await stack.cli.run('status');
    // Lines are broken where the terminal ends.
    for (const shown of [verify, status].map(({ stdout }) => stdout.replaceAll(/\s+/gu, ' '))) {
      expect(shown).toMatch(
        /\[hop\.hotrod-collector\] HotROD sends its spans nowhere: .*but OTEL_EXPORTER_OTLP_ENDPOINT is set/u,
      );
      expect(shown).toMatch(/→ Set OTEL_EXPORTER_JAEGER_ENDPOINT to http/u);
    }
    await stack.become({});
    const retry = await stack.cli.run('retry');
    expect(retry.exitCode, retry.stdout + retry.stderr).toBe(0);
  });

  test('a search that lags behind', async () => {
    await stack.become({});
    const error = await stack.failure({ limits: { ...patient, searchMs: 1 } });
    expect(error).toMatchObject({ type: 'hop.search', retryable: true });
    expect(error.message).toMatch(/lags behind/u);
    expect(error.remedy).toContain('erify again');
  });
});

/** The cluster, and beside it a Grafana whose Service has that name. */
function withGrafana(kube: ProofKube, grafana: GrafanaServer): ProofKube {
  return {
    podLogs: (request) => kube.podLogs(request),
    serviceRequest: (to, path, options) =>
      to.service === 'grafana'
        ? requestLoopback(grafana.port, path, options)
        : kube.serviceRequest(to, path, options),
  };
}

function expectVerdict(
  error: TracewrightError,
  { type, message, remedy, evidence }: Omit<Case, 'title' | 'breakage'>,
): void {
  const lines = error.evidence.join('\n');
  expect(`${error.type}: ${error.message}`, lines).toMatch(message);
  expect(error.type).toBe(type);
  expect(error.remedy).toMatch(remedy);
  for (const line of evidence) expect(lines).toMatch(line);
}
