import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempoAt } from '../../src/proof/tempo.js';
import { throughGrafana } from '../../src/proof/grafana.js';
import { serve, spec } from '../page/support.js';
import { rideTraceId } from './support/fixtures.js';
import { GrafanaServer } from './support/grafana-server.js';
import { LoopbackKube } from './support/loopback-kube.js';
import { startRecordedTempo, type LocalServer } from './support/tempo-server.js';

const withGrafana = {
  ...spec,
  grafana: { namespace: 'monitoring', service: 'grafana', port: 80, datasource: 'Tempo' },
};
const signal = AbortSignal.timeout(60_000);

/** A store that the API server does not lead to, and a Grafana that it does. */
describe('a store behind Grafana', () => {
  let store: LocalServer;
  let grafana: GrafanaServer;
  let kube: LoopbackKube;

  beforeEach(async () => {
    store = await startRecordedTempo();
    grafana = await GrafanaServer.start({ version: '13.2.0', tempoUrl: store.url });
    kube = new LoopbackKube();
    kube.services.set('grafana.monitoring:80', { port: grafana.port });
  });
  afterEach(() => {
    grafana.stop();
    store.stop();
  });
  const tempo = () => tempoAt(throughGrafana(kube, withGrafana), spec.tempo);

  test('is asked through the data source, in one session', async () => {
    const asked = tempo();
    expect((await asked.traceById(rideTraceId, signal))?.id).toBe(rideTraceId);
    expect((await asked.search('{}', signal)).length).toBeGreaterThan(0);
    expect(await asked.traceById('1'.repeat(32), signal)).toBeUndefined();
    expect(grafana.asked.filter((path) => path === '/api/health')).toHaveLength(1);
  });

  test('is asked itself where it lets in whoever asks', async () => {
    kube.services.set('tempo.tracing:3100', { port: Number(new URL(store.url).port) });
    expect((await tempo().traceById(rideTraceId, signal))?.id).toBe(rideTraceId);
    expect(grafana.asked).toEqual([]);
  });

  test('is asked itself again when Grafana has gone', async () => {
    const asked = tempo();
    await asked.search('{}', signal);
    grafana.stop();
    kube.services.set('tempo.tracing:3100', { port: Number(new URL(store.url).port) });
    expect((await asked.traceById(rideTraceId, signal))?.id).toBe(rideTraceId);
  });

  test('says itself what is wrong where neither answers', async () => {
    kube.services.clear();
    await expect(tempo().search('{}', signal)).rejects.toThrow('no endpoints available for service "tempo"');
  });

  test('is that of the page', async () => {
    const page = await serve(throughGrafana(kube, withGrafana));
    const answer = await fetch(`${page.url}api/trace/${rideTraceId}`);
    expect(answer.status).toBe(200);
    await page.close();
  });
});
