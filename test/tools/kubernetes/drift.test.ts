import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../../src/activities/index.js';
import type { ComponentObservation, ComponentTask } from '../../../src/domain/step-tasks.js';
import { observeDrift } from '../../../src/tools/kubernetes/drift.js';
import { ensureNamespace } from '../../../src/tools/kubernetes/namespaces.js';
import { clusterOf, missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { sharedCacheDir } from '../../support/cache.js';
import { writeChart } from '../../support/chart.js';

describe.skipIf(missingApiServer)(`drift ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
  });
  afterAll(() => server.stop());

  const change = (path: string, body: unknown): Promise<unknown> =>
    server.kube.json({
      method: 'PATCH',
      path,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(body),
    });
  const remove = (path: string): Promise<unknown> => server.kube.json({ method: 'DELETE', path });

  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            { name: 'web', image: 'example.invalid/web:1', resources: { limits: { cpu: '1000m' } } },
          ],
        },
      },
    },
  };
  const config = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings' },
    data: { secret: 'word' },
  };

  const task = (namespace: string, more: Partial<ComponentTask['definition']>): ComponentTask => ({
    environment: 'demo',
    component: 'web',
    cluster: clusterOf(server),
    definition: {
      needs: [],
      ready: [{ rollout: 'Deployment/web' }],
      timeout: '1m',
      manifests: { namespace, objects: [deployment, config] },
      ...more,
    },
    accepts: {},
  });
  const activities = () => {
    const settings = {
      stateDir: server.folder,
      cacheDir: sharedCacheDir,
      logLevel: 'warn',
      environment: process.env,
    } as const;
    return createActivities(settings, 'host');
  };
  const inActivity = <T>(work: () => Promise<T>): Promise<T> =>
    new MockActivityEnvironment({ startToCloseTimeoutMs: 420_000 }).run(work);
  const observe = (it: ComponentTask): Promise<ComponentObservation> =>
    inActivity(() => activities().observeComponent(it));

  it('of manifests: in sync, changed, not ready, partly gone, gone', async () => {
    const it = task('manifests', {});
    expect(await observe(it)).toMatchObject({ state: 'missing' });
    await inActivity(() => activities().applyManifests(it));
    expect(await observe(it)).toEqual({ state: 'in-sync', detail: '' });
    const path = '/apis/apps/v1/namespaces/manifests/deployments/web';
    await change(path, { spec: { paused: true } });
    // Nobody said anything about this field: it is not ours to compare.
    expect(await observe(it)).toMatchObject({ state: expect.stringMatching(/in-sync|not-ready/u) as string });
    await change(path, { spec: { paused: null, replicas: 3 } });
    expect(await observe(it)).toEqual({
      state: 'drifted',
      detail: 'Deployment manifests/web differs in spec.replicas',
    });
    await change('/api/v1/namespaces/manifests/configmaps/settings', { data: { secret: 'other' } });
    await change(path, { spec: { replicas: 0 } });
    const different = await observe(it);
    expect(different.detail).toBe('ConfigMap manifests/settings differs in data.secret');
    await remove('/api/v1/namespaces/manifests/configmaps/settings');
    expect(await observe(it)).toEqual({ state: 'drifted', detail: 'ConfigMap manifests/settings is gone' });
  });

  it('of what is installed but not ready', async () => {
    const web = { ...deployment, spec: { ...deployment.spec, replicas: 1 } };
    const it = task('unready', { manifests: { namespace: 'unready', objects: [web] } });
    await ensureNamespace(server.kube, { name: 'unready', owner: { environment: 'demo' } });
    await server.kube.json({
      method: 'POST',
      path: '/apis/apps/v1/namespaces/unready/deployments',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(web),
    });
    expect(await observe(it)).toMatchObject({ state: 'not-ready' });
  });

  it('of a release: missing, in sync, other values, an object that was changed or is gone', async () => {
    const chart = { path: await writeChart(`${server.folder}/charts/drift`) };
    const release = (values: Record<string, unknown> = {}): ComponentTask => {
      const { manifests: _, ...definition } = task('releases', {}).definition;
      const it = task('releases', {});
      return {
        ...it,
        definition: {
          ...definition,
          ready: [],
          release: { namespace: 'releases', chart, values },
        },
      };
    };
    expect(await observe(release())).toMatchObject({ state: 'missing' });
    await inActivity(() => activities().installRelease(release()));
    expect(await observe(release())).toEqual({ state: 'in-sync', detail: '' });
    expect(await observe(release({ more: 1 }))).toEqual({ state: 'drifted', detail: 'values' });
    const { items } = await server.kube.json<{ items: { metadata: { name: string } }[] }>({
      path: '/api/v1/namespaces/releases/configmaps',
    });
    const name = items.map(({ metadata }) => metadata.name).find((it) => it !== 'kube-root-ca.crt') ?? '';
    await change(`/api/v1/namespaces/releases/configmaps/${name}`, { data: null });
    expect((await observe(release())).detail).toMatch(
      new RegExp(`ConfigMap releases/${name} differs in data`, 'u'),
    );
    await remove(`/api/v1/namespaces/releases/configmaps/${name}`);
    expect((await observe(release())).detail).toContain(`ConfigMap releases/${name} is gone`);
  });

  it('is looked for without changing anything', async () => {
    await ensureNamespace(server.kube, { name: 'still', owner: { environment: 'demo' } });
    const made = await server.kube.json<{ metadata: { resourceVersion: string } }>({
      method: 'POST',
      path: '/api/v1/namespaces/still/configmaps',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(config),
    });
    const wanted = { ...config, data: { secret: 'new' } };
    expect(await observeDrift(server.kube, [wanted], 'still')).toHaveLength(1);
    const now = await server.kube.json<{ metadata: { resourceVersion: string } }>({
      path: '/api/v1/namespaces/still/configmaps/settings',
    });
    expect(now.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });
});
