import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../../src/activities/index.js';
import type { ComponentObservation, ComponentTask } from '../../../src/domain/step-tasks.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { diffObjects } from '../../../src/tools/kubernetes/diff.js';
import { ensureNamespace } from '../../../src/tools/kubernetes/namespaces.js';
import { startAnnotatingWebhook } from '../../support/annotating-webhook.js';
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
    const owner = { environment: 'demo', component: 'web' };
    await applyObjects(server.kube, { objects: [web], namespace: 'unready', owner });
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

  it('is none where nothing would put it right: jobs, webhooks, what a chart does not mention', async () => {
    const files = {
      'templates/job.yaml': `apiVersion: batch/v1
kind: Job
metadata: { name: once }
spec:
  suspend: true
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: once, image: example.invalid/once:1 }]
`,
      'templates/webhook.yaml': `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: drift-webhook }
webhooks:
  - name: drift.tracewright.dev
    clientConfig: { url: 'https://127.0.0.1:1/' }
    rules: [{ apiGroups: [none.tracewright.dev], apiVersions: [v1], operations: [CREATE], resources: [nothing] }]
    failurePolicy: Ignore
    sideEffects: None
    admissionReviewVersions: [v1]
`,
    };
    const chart = { path: await writeChart(`${server.folder}/charts/jobs`, { files }) };
    const { manifests: _, ...definition } = task('jobs', {}).definition;
    const release = { namespace: 'jobs', chart, values: {} };
    const it = { ...task('jobs', {}), definition: { ...definition, ready: [], release } };
    await inActivity(() => activities().installRelease(it));
    const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/drift-webhook';
    const { webhooks: rules } = await server.kube.json<{ webhooks: object[] }>({ path: webhooks });
    await change(webhooks, { webhooks: rules.map((rule) => ({ ...rule, failurePolicy: 'Fail' })) });
    await change('/apis/batch/v1/namespaces/jobs/jobs/once', { spec: { parallelism: 2 } });
    expect(await observe(it)).toEqual({ state: 'in-sync', detail: '' });
    await remove('/apis/batch/v1/namespaces/jobs/jobs/once');
    expect(await observe(it), 'jobs may go when they have ended').toEqual({ state: 'in-sync', detail: '' });
    await remove(webhooks);
    const { detail } = await observe(it);
    expect(detail).toContain('ValidatingWebhookConfiguration drift-webhook is gone');
    const { outcome } = await inActivity(() => activities().installRelease(it));
    expect(outcome, 'what the check reports, up puts right').toBe('upgraded, revision 2');
    expect(await observe(it)).toEqual({ state: 'in-sync', detail: '' });
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
    const diffs = await diffObjects(server.kube, [wanted], { namespace: 'still' });
    expect(diffs).toMatchObject([{ state: 'different', fields: ['data.secret'] }]);
    const now = await server.kube.json<{ metadata: { resourceVersion: string } }>({
      path: '/api/v1/namespaces/still/configmaps/settings',
    });
    expect(now.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it('is not what a webhook writes that came after the objects', async () => {
    const namespace = 'annotated';
    const owner = { environment: 'demo', component: 'web' };
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login' },
      stringData: { password: 'a', unused: '' },
    };
    const objects = [config, secret];
    await applyObjects(server.kube, { objects, namespace, owner });
    const differences = async () => {
      const diffs = await diffObjects(server.kube, objects, { namespace, owner });
      return diffs.map(({ state, fields }) => [state, ...fields]);
    };
    const webhook = await startAnnotatingWebhook(server.kube, namespace);
    try {
      const asked = async () => {
        const found = await differences();
        expect(webhook.reviews()).toBeGreaterThan(1);
        return found;
      };
      expect(await vi.waitFor(asked, { timeout: 60_000, interval: 200 })).toEqual([['equal'], ['equal']]);
      const path = `/api/v1/namespaces/${namespace}`;
      await change(`${path}/configmaps/settings`, { data: { secret: 'other' } });
      await change(`${path}/secrets/login`, { stringData: { password: 'b' } });
      expect(await differences()).toEqual([
        ['different', 'data.secret'],
        ['different', 'data.password'],
      ]);
      await applyObjects(server.kube, { objects, namespace, owner });
      expect(await differences()).toEqual([['equal'], ['equal']]);
    } finally {
      await webhook.close();
    }
  });
});
