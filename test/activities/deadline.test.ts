import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createActivities, type Activities } from '../../src/activities/index.js';
import type { Component } from '../../src/domain/stack.js';
import type { ComponentTask } from '../../src/domain/step-tasks.js';
import { clusterOf, missingApiServer, startApiServer, type ApiServer } from '../support/api-server.js';
import { sharedCacheDir } from '../support/cache.js';
import { writeChart } from '../support/chart.js';

/** What the server gives an attempt here: half of it is its own, far less than the 5 minutes of its component. */
const startToCloseTimeoutMs = 8_000;

/** An API server without controllers: nothing in it ever gets ready, and no Job ever ends. */
describe.skipIf(missingApiServer)(`an attempt whose time is over ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let activities: Activities;
  beforeAll(async () => {
    server = await startApiServer();
    activities = createActivities(
      { stateDir: server.folder, cacheDir: sharedCacheDir, logLevel: 'warn', environment: process.env },
      'host',
    );
  });
  afterAll(() => server.stop());

  const task = (component: string, more: Partial<Component>): ComponentTask => ({
    environment: 'demo',
    component,
    cluster: clusterOf(server),
    definition: { needs: [], ready: [{ rollout: `Deployment/${component}` }], timeout: '5m', ...more },
    accepts: {},
  });
  const attempt = (work: () => Promise<unknown>): Promise<unknown> =>
    new MockActivityEnvironment({ startToCloseTimeoutMs }).run(work);

  it('ends the wait for readiness with what is missing, before the server ends it with nothing', async () => {
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'a' }] },
    };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { selector: { matchLabels: { app: 'web' } }, template },
    };
    const it = task('web', { manifests: { namespace: 'web', objects: [deployment] } });
    await expect(attempt(() => activities.applyManifests(it))).rejects.toMatchObject({
      type: 'ready.timeout',
      message: expect.stringMatching(/^Not ready within [0-4] s: Deployment/u) as unknown,
    });
  });

  it("ends helm by helm's own --timeout, with helm's own words", async () => {
    const chart = join(server.folder, 'hooked');
    const job = `apiVersion: batch/v1
kind: Job
metadata: { name: never, annotations: { helm.sh/hook: pre-install } }
spec: { template: { spec: { restartPolicy: Never, containers: [{ name: it, image: a }] } } }
`;
    await writeChart(chart, { files: { 'templates/hook.yaml': job } });
    const it = task('hooked', { release: { namespace: 'hooked', chart: { path: chart }, values: {} } });
    await expect(attempt(() => activities.installRelease(it))).rejects.toMatchObject({
      type: expect.not.stringMatching(/^tool\./u) as unknown,
      details: [
        { evidence: expect.arrayContaining([expect.stringMatching(/timed out|deadline/u)]) as unknown },
      ],
    });
  });

  it('ends a removal with the finalizer that holds it up', async () => {
    const held = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'held', finalizers: ['example.com/never'] },
    };
    const it = task('held', { manifests: { namespace: 'held', objects: [held] }, ready: [] });
    await attempt(() => activities.applyManifests(it));
    await expect(attempt(() => activities.deleteManifests(it))).rejects.toMatchObject({
      type: 'removal.stuck',
      details: [{ message: expect.stringContaining('example.com/never') as unknown }],
    });
  });
});
