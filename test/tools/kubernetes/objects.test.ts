import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownershipLabels } from '../../../src/domain/names.js';
import type { KubernetesObjectSpec } from '../../../src/domain/stack.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { parseManifests } from '../../../src/tools/kubernetes/manifests.js';
import { ensureNamespace } from '../../../src/tools/kubernetes/namespaces.js';
import { readObject } from '../../../src/tools/kubernetes/observe.js';
import { removeOwnObjects } from '../../../src/tools/kubernetes/removal.js';
import { removeOrphanedWebhooks, removeOwnNamespaces } from '../../../src/tools/kubernetes/teardown.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition } from '../../support/chart.js';

const owner = { environment: 'demo', component: 'collector' };

describe.skipIf(missingApiServer)(`objects in a cluster ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let count = 0;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
  });
  afterAll(() => server.stop());

  const freshNamespace = (): string => `space-${String((count += 1))}`;
  const config = (name: string, text: string, more: object = {}): KubernetesObjectSpec => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...more },
    data: { text },
  });
  const post = (path: string, object: unknown): Promise<unknown> =>
    server.kube.json({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(object),
    });

  it('are created once, changed when they differ, and left alone when they do not', async () => {
    const namespace = freshNamespace();
    const apply = async (text: string): Promise<string[]> =>
      (await applyObjects(server.kube, { objects: [config('a', text)], namespace, owner })).map(
        ({ outcome }) => outcome,
      );
    expect(await apply('one')).toEqual(['created']);
    expect(await apply('one')).toEqual(['unchanged']);
    expect(await apply('two')).toEqual(['changed']);
    const made = await readObject(server.kube, { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace });
    expect(made?.data).toEqual({ text: 'two' });
    expect(made?.metadata.labels).toEqual({
      [ownershipLabels.environment]: 'demo',
      [ownershipLabels.component]: 'collector',
    });
    const space = await readObject(server.kube, { apiVersion: 'v1', kind: 'Namespace', name: namespace });
    expect(space?.metadata.labels).toMatchObject({ [ownershipLabels.environment]: 'demo' });
  });

  it('of a new kind can come in one go with their definition', async () => {
    const namespace = freshNamespace();
    const objects = [
      { apiVersion: 'one.tracewright.dev/v1', kind: 'Gizmo', metadata: { name: 'first' }, spec: { size: 1 } },
      ...parseManifests(definition('gizmos', 'Gizmo', 'one.tracewright.dev')),
    ];
    const applied = await applyObjects(server.kube, { objects, namespace, owner });
    expect(applied.map(({ outcome }) => outcome)).toEqual(['created', 'created']);
  });

  it('of an unknown kind are a failure that may pass', async () => {
    const objects = [{ apiVersion: 'nowhere.dev/v1', kind: 'Ghost', metadata: { name: 'g' } }];
    await expect(applyObjects(server.kube, { objects, namespace: 'default', owner })).rejects.toMatchObject({
      type: 'manifest.unknown-kind',
      retryable: true,
    });
  });

  it('that the API server refuses are named with its reason', async () => {
    const objects = [
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'bad' }, spec: { ports: [{ port: 0 }] } },
    ];
    await expect(applyObjects(server.kube, { objects, namespace: 'default', owner })).rejects.toMatchObject({
      type: 'manifest.rejected',
      retryable: false,
      message: expect.stringMatching(/Service default\/bad.*port/su) as string,
    });
  });

  it('of a stranger or of another environment are refused, kept, and taken over only when told to', async () => {
    const namespace = freshNamespace();
    await post('/api/v1/namespaces', { metadata: { name: namespace } });
    await post(`/api/v1/namespaces/${namespace}/configmaps`, config('theirs', 'theirs'));
    await applyObjects(server.kube, {
      objects: [config('staging', 'x')],
      namespace,
      owner: { environment: 'staging' },
    });
    const options = { namespace, owner };
    await expect(
      applyObjects(server.kube, { ...options, objects: [config('theirs', 'ours')] }),
    ).rejects.toMatchObject({ type: 'manifest.foreign' });
    await expect(
      applyObjects(server.kube, { ...options, objects: [config('staging', 'ours')] }),
    ).rejects.toMatchObject({
      type: 'manifest.foreign',
      message: expect.stringContaining('"staging"') as string,
    });
    const references = ['theirs', 'staging', 'nothing'].map((name) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name,
      namespace,
    }));
    expect(await removeOwnObjects(server.kube, references, owner)).toBe(0);
    expect(
      (await applyObjects(server.kube, { ...options, adopt: true, objects: [config('theirs', 'ours')] })).map(
        ({ outcome }) => outcome,
      ),
    ).toEqual(['changed']);
    const space = await readObject(server.kube, { apiVersion: 'v1', kind: 'Namespace', name: namespace });
    expect(space?.metadata.labels).not.toHaveProperty([ownershipLabels.environment]);
  });

  it('are only asked about in a dry run', async () => {
    const namespace = freshNamespace();
    await ensureNamespace(server.kube, { name: namespace, owner });
    const applied = await applyObjects(server.kube, {
      objects: [config('a', 'x')],
      namespace,
      owner,
      dryRun: true,
    });
    expect(applied.map(({ outcome }) => outcome)).toEqual(['created']);
    expect(
      await readObject(server.kube, { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace }),
    ).toBeUndefined();
  });

  it.each([
    { what: 'nobody listens', service: 'mute', remedy: /seconds/u, retryable: true },
    { what: 'its Service is gone', service: 'gone', remedy: /left over/u, retryable: false },
  ])('wait for a webhook when $what', async ({ service, remedy, retryable }) => {
    const namespace = freshNamespace();
    await ensureNamespace(server.kube, { name: namespace, owner });
    if (service === 'mute') {
      await post(`/api/v1/namespaces/${namespace}/services`, {
        metadata: { name: service },
        spec: { ports: [{ port: 443 }], selector: { app: 'none' } },
      });
    }
    const configuration = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: namespace },
      webhooks: [
        {
          name: 'judge.tracewright.dev',
          clientConfig: { service: { namespace, name: service } },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          timeoutSeconds: 2,
        },
      ],
    };
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    await post(path, configuration);
    // The API server learns of a new webhook by a watch of its own.
    let error: unknown;
    for (let tries = 0; tries < 40 && error === undefined; tries += 1) {
      error = await applyObjects(server.kube, {
        objects: [config(`a${String(tries)}`, 'x')],
        namespace,
        owner,
      }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    }
    expect(error).toMatchObject({
      type: 'webhook.unavailable',
      retryable,
      remedy: expect.stringMatching(remedy) as string,
    });

    const orphans = await removeOrphanedWebhooks(server.kube, [namespace]);
    expect(orphans).toEqual(service === 'gone' ? [namespace] : []);
    await server.kube.send({ method: 'DELETE', path: `${path}/${namespace}` });
  });

  it('are gone when a deletion returns, and a stuck finalizer is named', async () => {
    const namespace = freshNamespace();
    const finalizers = ['tracewright.dev/never'];
    await applyObjects(server.kube, {
      objects: [config('free', 'x'), config('held', 'x', { finalizers })],
      namespace,
      owner,
    });
    const reference = (
      name: string,
    ): { apiVersion: string; kind: string; name: string; namespace: string } => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name,
      namespace,
    });
    expect(await removeOwnObjects(server.kube, [reference('free')], owner)).toBe(1);
    expect(await readObject(server.kube, reference('free'))).toBeUndefined();
    await expect(
      removeOwnObjects(server.kube, [reference('held')], owner, { timeoutMs: 500 }),
    ).rejects.toMatchObject({
      type: 'removal.stuck',
      message: expect.stringMatching(/ConfigMap .*\/held .*tracewright\.dev\/never/u) as string,
    });
    const waiting = removeOwnObjects(server.kube, [reference('held')], owner);
    setTimeout(() => {
      void server.kube.json({
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/configmaps/held`,
        headers: { 'content-type': 'application/merge-patch+json' },
        body: '{"metadata":{"finalizers":null}}',
      });
    }, 300);
    expect(await waiting).toBe(1);
  });

  it('take their namespace along only when nobody else has anything in it', async () => {
    const [empty, shared, theirs] = [freshNamespace(), freshNamespace(), freshNamespace()];
    const last = { environment: 'last' };
    for (const name of [empty, shared]) await ensureNamespace(server.kube, { name, owner: last });
    await post('/api/v1/namespaces', { metadata: { name: theirs } });
    await applyObjects(server.kube, { objects: [config('ours', 'x')], namespace: shared, owner: last });
    await post(`/api/v1/namespaces/${shared}/services`, {
      metadata: { name: 'web' },
      spec: { ports: [{ port: 80 }] },
    });
    // Only what is known to be ours is ours; a tool that nobody has heard of makes a stranger's.
    const secret = (name: string): unknown => ({ metadata: { name } });
    await post(`/api/v1/namespaces/${empty}/secrets`, {
      metadata: { name: 'webhook-ca', labels: { [ownershipLabels.environment]: 'last' } },
    });
    await server.kube.json({
      method: 'POST',
      path: `/api/v1/namespaces/${shared}/secrets`,
      query: { fieldManager: 'some-new-tool' },
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(secret('password')),
    });

    const result = await removeOwnNamespaces(server.kube, last);
    expect(result.deleted).toEqual([empty]);
    expect(result.kept).toMatchObject([
      { name: shared, reason: expect.stringContaining(`Service ${shared}/web`) as string },
    ]);
    expect(result.kept[0]?.reason).toContain(`Secret ${shared}/password`);
    expect(result.kept[0]?.reason).not.toContain('ours');
    expect(
      await readObject(server.kube, { apiVersion: 'v1', kind: 'Namespace', name: empty }),
    ).toBeUndefined();
    expect(
      await readObject(server.kube, { apiVersion: 'v1', kind: 'Namespace', name: theirs }),
    ).toBeDefined();
  });

  it('wait for a namespace of the same name that is just going', async () => {
    const name = freshNamespace();
    await applyObjects(server.kube, {
      objects: [config('held', 'x', { finalizers: ['tracewright.dev/slow'] })],
      namespace: name,
      owner,
    });
    await server.kube.json({ method: 'DELETE', path: `/api/v1/namespaces/${name}` });
    const again = applyObjects(server.kube, { objects: [config('new', 'y')], namespace: name, owner });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const path = `/api/v1/namespaces/${name}/configmaps/held`;
    await server.kube.json({
      method: 'PATCH',
      path,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: '{"metadata":{"finalizers":null}}',
    });
    expect((await again).map(({ outcome }) => outcome)).toEqual(['created']);
  });
});
