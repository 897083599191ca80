import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isTracewrightError, type TracewrightError } from '../../src/domain/failure.js';
import { checkGrafana, type GrafanaCheck } from '../../src/proof/check-grafana.js';
import { defaultLimits, type ProofRun } from '../../src/proof/run.js';
import { GrafanaServer, type GrafanaOptions } from './support/grafana-server.js';
import { LoopbackKube } from './support/loopback-kube.js';
import { startRecordedTempo } from './support/tempo-server.js';
import { rideRootSpanId, rideTraceId } from './support/fixtures.js';

const address = { namespace: 'monitoring', service: 'kube-stack-prometheus-grafana', port: 80 };
const admin = { user: 'admin', password: 'prom-operator' };

describe('the check through Grafana', () => {
  let tempo: Awaited<ReturnType<typeof startRecordedTempo>>;
  let grafana: GrafanaServer | undefined;

  beforeEach(async () => {
    tempo = await startRecordedTempo();
  });
  afterEach(() => {
    grafana?.stop();
    tempo.stop();
  });

  test('9.3, as the anonymous viewer: health by the echo of Tempo', async () => {
    expect(await check({ version: '9.3.6' })).toBe(
      'Grafana 9.3.6, as anonymous viewer: datasource Tempo healthy, by id and by TraceQL',
    );
    expect(grafana?.asked.slice(0, 4).map((path) => path.replace(/uid\/[^/]+/u, 'uid/U'))).toEqual([
      '/api/health',
      '/api/frontend/settings',
      '/api/datasources/uid/U/health',
      '/api/datasources/proxy/uid/U/api/echo',
    ]);
  });

  test('13, as admin with the password of the Secret: a session by cookie, no echo needed', async () => {
    const text = await check(
      { version: '13.2.0', anonymous: false },
      { login: () => Promise.resolve(admin) },
    );
    expect(text).toContain('Grafana 13.2.0, as admin');
    expect(grafana?.asked.some((path) => path.endsWith('/api/echo'))).toBe(false);
    expect(grafana?.asked).toContain('/api/datasources/name/Tempo');
  });

  describe.each(['9.3.6', '13.2.0'] as const)('%s, where the stack says who may look', (version) => {
    const login = (): Promise<typeof admin> => Promise.resolve(admin);

    test('people without a login see the trace, too', async () => {
      expect(await check({ version }, { login, anonymous: true })).toContain(
        `Grafana ${version}, as admin and as anonymous viewer: datasource Tempo healthy`,
      );
      // Found by the one who has a login, and again by the one who has none.
      const traces = grafana?.asked.filter((path) => path.includes(`/api/traces/${rideTraceId}`));
      expect(traces).toHaveLength(2);
    });

    test('they should, and do not', async () => {
      const error = await failure({ version, anonymous: false }, { login, anonymous: true });
      expect(error).toMatchObject({ type: 'proof.grafana-failed', retryable: false });
      expect(error.message).toContain('does not let anonymous viewer see its datasources: HTTP 401');
    });

    test('they should not, and do', async () => {
      const error = await failure({ version }, { login, anonymous: false });
      expect(error).toMatchObject({ type: 'proof.grafana-failed', retryable: false });
      expect(error.message).toContain('to people without a login');
    });

    test('they should not, and do not', async () => {
      expect(await check({ version, anonymous: false }, { login, anonymous: false })).toContain(
        `Grafana ${version}, as admin (closed without a login)`,
      );
    });
  });

  test('waits for Tempo itself before it asks', async () => {
    let answered: () => void = () => undefined;
    const tempoAnswered = new Promise<void>((resolve) => (answered = resolve));
    const checked = check({ version: '9.3.6' }, { tempoAnswered });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(grafana?.asked).toEqual([]);
    answered();
    await expect(checked).resolves.toContain('healthy');
  });

  test('no datasource of that name', async () => {
    const error = await failure({ version: '9.3.6', datasource: 'Loki' });
    expect(error.type).toBe('proof.grafana-failed');
    expect(error.message).toContain('shows anonymous viewer no datasource Tempo');
    const asAdmin = await failure(
      { version: '9.3.6', datasource: 'Loki' },
      { login: () => Promise.resolve(admin) },
    );
    expect(asAdmin.message).toContain('Data source not found');
  });

  test('neither anonymous nor a password', async () => {
    const error = await failure({ version: '9.3.6', anonymous: false });
    expect(error).toMatchObject({ type: 'proof.grafana-failed', retryable: false });
    expect(error.message).toContain('does not let anonymous viewer see its datasources: HTTP 401');
  });

  test('a wrong password is named, but not shown', async () => {
    const login = (): Promise<typeof admin> => Promise.resolve({ user: 'admin', password: 'planted-secret' });
    const error = await failure({ version: '9.3.6' }, { login });
    expect(error.message).toContain('refuses the login of admin');
    expect(JSON.stringify(error.toFailure())).not.toContain('planted-secret');
  });

  test.each(['9.3.6', '13.2.0'] as const)(
    '%s: a datasource that points nowhere is not healthy',
    async (version) => {
      const error = await failure({ version, tempoUrl: 'http://127.0.0.1:1' });
      expect(error.type).toBe('proof.grafana-failed');
      expect(error.message).toContain('The Tempo datasource of Grafana is not healthy');
      expect(error.remedy).toContain('3200');
    },
  );

  test('a datasource that points to another Tempo', async () => {
    const error = await failure({ version: '9.3.6' }, {}, 'ff'.repeat(16));
    expect(error.message).toContain('the datasource does not know the trace');
    expect(error.remedy).toContain('The hop from Grafana is broken');
  });

  test('Grafana is down', async () => {
    const kube = new LoopbackKube();
    const error = await checkGrafana(run(kube), checkOf({}), context()).catch((it: unknown) => it);
    expect(error).toMatchObject({ type: 'proof.grafana-failed' });
    expect((error as Error).message).toContain('no endpoints available');
  });

  async function check(
    options: Partial<GrafanaOptions> & Pick<GrafanaOptions, 'version'>,
    more: Partial<GrafanaCheck> = {},
    traceId = rideTraceId,
  ): Promise<string> {
    grafana?.stop();
    grafana = await GrafanaServer.start({ tempoUrl: tempo.url, ...options });
    const kube = new LoopbackKube();
    kube.services.set('kube-stack-prometheus-grafana.monitoring:80', { port: grafana.port });
    return checkGrafana(run(kube, traceId), checkOf(more), context());
  }

  async function failure(...args: Parameters<typeof check>): Promise<TracewrightError> {
    const result = await check(...args).catch((error: unknown) => error);
    if (isTracewrightError(result)) return result;
    throw new Error(`It passed or broke: ${String(result)}`);
  }
});

function checkOf(more: Partial<GrafanaCheck>): GrafanaCheck {
  return { address, datasource: 'Tempo', login: undefined, tempoAnswered: Promise.resolve(), ...more };
}

function context(): Parameters<typeof checkGrafana>[2] {
  return { signal: new AbortController().signal, note: () => undefined };
}

function run(kube: LoopbackKube, traceId = rideTraceId): ProofRun {
  return {
    kube,
    spec: {
      ride: { namespace: 'default', service: 'hotrod', port: 8080, customer: 123, customerName: 'x' },
      collector: {
        namespace: 'otel-system',
        service: 'collector',
        otlpHttpPort: 4318,
        podSelector: 'app=collector',
      },
      tempo: { namespace: 'tracing', service: 'tempo', port: 3100 },
      expect: { spans: 35, services: ['frontend'] },
      traceql: '{ span.http.status_code >= 200 && span.http.status_code < 300 }',
      grafana: { ...address, datasource: 'Tempo' },
    },
    stackName: 'test',
    identity: { traceId, rootSpanId: rideRootSpanId },
    rideStartMs: Date.now(),
    rideEndMs: Date.now(),
    limits: { ...defaultLimits, grafanaMs: 1_000 },
  };
}
