import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TracewrightError } from '../../src/domain/failure.js';
import type { ProofKube } from '../../src/proof/cluster-access.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { requestLoopback } from './support/loopback-kube.js';
import { GrafanaServer } from './support/grafana-server.js';
import { relayTo } from './support/tempo-server.js';
import { grafanaCase, hopCases, type HopCase } from './support/hop-cases.js';
import { impatient, InstalledStack } from './support/installed-stack.js';
import { workingEnv } from './support/stack-breaker.js';

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

  test.each(hopCases)(
    '$title',
    { timeout: 180_000 },
    async ({ breakage = {}, proof, limits, ...expected }) => {
      await stack.become(breakage);
      const spec = { ...stack.stack.proof, ...proof };
      expectVerdict(
        await stack.failure({ spec, ...(limits && { limits: { ...impatient, ...limits } }) }),
        expected,
      );
    },
  );

  test('JAEGER_ENDPOINT is no wrong variable: HotROD 1.42 reads it, too', async () => {
    await stack.become({
      hotrodEnv: { JAEGER_ENDPOINT: workingEnv.OTEL_EXPORTER_JAEGER_ENDPOINT },
    });
    expect((await stack.prove()).checks.map(({ state }) => state)).not.toContain('failed');
  });

  test(grafanaCase.title, async () => {
    await stack.become({});
    await stack.addGrafana('http://tempo.tracing:3200');
    const grafana = await GrafanaServer.start({ version: '9.3.6', tempoUrl: 'http://127.0.0.1:1' });
    const address = { namespace: 'default', service: 'grafana', port: 80 };
    const kube = withGrafana(stack.kube, grafana);
    const proof = { ...stack.stack.proof, grafana: { ...address, datasource: 'Tempo' } };
    const error = await stack.failure({ kube, spec: proof, limits: patient });
    grafana.stop();
    expectVerdict(error, grafanaCase);
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
      expect(shown).toMatch(/→ `tracewright up`, .*: Set OTEL_EXPORTER_JAEGER_ENDPOINT to http/u);
    }
    await stack.become({});
    const retry = await stack.cli.run('retry');
    expect(retry.exitCode, retry.stdout + retry.stderr).toBe(0);
  });

  test(
    'what was changed by hand is named, and up heals it where retry cannot',
    { timeout: 300_000 },
    async () => {
      await stack.become({
        collectorConfig: (config) =>
          config.replace('endpoint: tempo.tracing:4317', 'endpoint: temp.tracing:4317'),
      });
      for (const command of ['verify', 'retry']) {
        const { exitCode, stdout } = await stack.cli.run(command);
        expect(exitCode, stdout).toBe(3);
        expect(stdout).toContain(
          '→ `tracewright up`, called as before, puts back what was changed by hand: OpenTelemetryCollector otel-system/otel-collector differs in spec.config. Or fix it',
        );
        expect(stdout).toMatch(
          /\[hop\.collector-tempo\] .*\n {2}│ changed by hand: .*\n {2}│ collector: exporters\.otlp\.endpoint is temp\.tracing:4317\n/u,
        );
      }
      const up = await stack.cli.run('up', '--stack', stack.file);
      expect(up.exitCode, up.stdout + up.stderr).toBe(0);
      await stack.become({});
    },
  );

  test(
    'what was changed of a release is named, and up puts it back without a new revision',
    { timeout: 300_000 },
    async () => {
      await stack.become({
        tempoConfig: (config) => `${config}\nsearch_enabled: true\n`,
        tempoCrashes: true,
      });
      const verify = await stack.cli.run('verify');
      expect(verify.exitCode, verify.stdout).toBe(3);
      expect(verify.stdout).toContain(
        '→ `tracewright up`, called as before, puts back what was changed by hand: ConfigMap tracing/trace-store differs in data.trace-store.yaml. Or fix it',
      );
      const plan = await stack.cli.run('plan', '--stack', stack.file);
      expect(plan.stdout).toMatch(
        /trace-store .*put back: ConfigMap tracing\/trace-store differs in data\.trace-store\.yaml/u,
      );
      const up = await stack.cli.run('up', '--stack', stack.file);
      expect(up.exitCode, up.stdout + up.stderr).toBe(0);
      expect(up.stdout).toMatch(/✓ trace-store +put back what was changed by hand, revision 1/u);
      const again = await stack.cli.run('up', '--stack', stack.file);
      expect(again.stdout).toMatch(/✓ trace-store +unchanged, revision 1/u);
      await stack.become({});
    },
  );

  test(
    'what was deleted of a release is named, and up has helm make it again',
    { timeout: 300_000 },
    async () => {
      await stack.become({});
      for (const path of [
        '/api/v1/namespaces/tracing/services/tempo',
        '/apis/apps/v1/namespaces/tracing/statefulsets/trace-store',
      ])
        await stack.kube.json({ method: 'DELETE', path });
      const verify = await stack.cli.run('verify');
      expect(verify.exitCode, verify.stdout).toBe(3);
      expect(verify.stdout).toContain('[hop.tempo] There is no Service tempo in the namespace tracing.');
      expect(verify.stdout).toMatch(/→ .*or have the Service made again: tracewright up/u);
      const up = await stack.cli.run('up', '--stack', stack.file);
      expect(up.exitCode, up.stdout + up.stderr).toBe(0);
      expect(up.stdout).toMatch(/✓ trace-store +upgraded, revision 2/u);
    },
  );

  test("of HotROD's log only what is about this ride is told", async () => {
    await stack.become({
      hotrodEnv: { OTEL_EXPORTER_JAEGER_ENDPOINT: 'http://nowhere.otel:14268/api/traces' },
    });
    await stack.failure();
    const began = Date.now();
    const { evidence } = await stack.failure();
    const times = evidence.flatMap((line) => {
      const [, time] = /^HotROD's log: (\d{4}\/\d\d\/\d\d [\d:]+) /u.exec(line) ?? [];
      return time === undefined ? [] : [Date.parse(`${time} UTC`)];
    });
    expect(times.length, evidence.join('\n')).toBeGreaterThan(0);
    // The log has whole seconds, and so has the clock that the ride is held against.
    for (const time of times) expect(time).toBeGreaterThan(began - 3_000);
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
  {
    type,
    message,
    remedy,
    evidence,
    retryable = error.retryable,
  }: Pick<HopCase, 'type' | 'message' | 'remedy' | 'evidence' | 'retryable'>,
): void {
  const lines = error.evidence.join('\n');
  expect(`${error.type}: ${error.message}`, lines).toMatch(message);
  expect(error.type).toBe(type);
  expect(error.remedy).toMatch(remedy);
  expect(error.retryable).toBe(retryable);
  for (const line of evidence) expect(lines).toMatch(line);
}
