import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { ensureNamespace } from '../../../src/tools/kubernetes/namespaces.js';
import { readObject } from '../../../src/tools/kubernetes/observe.js';
import { removeObjects, removeOwnObjects } from '../../../src/tools/kubernetes/removal.js';
import { removeOwnNamespaces } from '../../../src/tools/kubernetes/teardown.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition } from '../../support/chart.js';
import { parseManifests } from '../../../src/tools/kubernetes/manifests.js';

const owner = { environment: 'stuck', component: 'things' };
const finalizers = ['demo.tracewright.dev/finalizer'];
const timeoutMs = 1_000;

describe.skipIf(missingApiServer)(`a removal that is held up ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
  });
  afterAll(() => server.stop());

  const send = (method: 'POST' | 'DELETE', path: string, object?: unknown): Promise<unknown> =>
    server.kube.json({
      method,
      path,
      headers: { 'content-type': 'application/json' },
      ...(object !== undefined && { body: JSON.stringify(object) }),
    });
  const release = (path: string): Promise<unknown> =>
    server.kube.json({
      method: 'PATCH',
      path,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: '{"metadata":{"finalizers":null}}',
    });
  const thing = {
    apiVersion: 'stuck.tracewright.dev/v1',
    kind: 'Thing',
    name: 'one',
    namespace: 'held-things',
  };
  const thingPath = '/apis/stuck.tracewright.dev/v1/namespaces/held-things/things/one';
  const definitionName = 'things.stuck.tracewright.dev';

  it('by the finalizer of a custom resource names both, and what to type', async () => {
    await applyObjects(server.kube, {
      objects: parseManifests(definition('things', 'Thing', 'stuck.tracewright.dev')),
      namespace: thing.namespace,
      owner,
    });
    const { apiVersion, kind, name } = thing;
    await applyObjects(server.kube, {
      objects: [{ apiVersion, kind, metadata: { name, finalizers } }],
      namespace: thing.namespace,
      owner,
    });
    await expect(removeOwnObjects(server.kube, [thing], owner, { timeoutMs })).rejects.toMatchObject({
      type: 'removal.stuck',
      message: expect.stringMatching(
        /^Thing held-things\/one is still there after 1 s: its finalizers are not done: .*demo\.tracewright\.dev\/finalizer/u,
      ) as string,
      remedy: expect.stringContaining(
        'kubectl -n held-things patch thing.stuck.tracewright.dev one --type=merge',
      ) as string,
    });
  });

  it('by an object of its kind names that object, for a definition', async () => {
    const reference = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      name: definitionName,
    };
    await expect(removeObjects(server.kube, [reference], { timeoutMs })).rejects.toMatchObject({
      message: expect.stringMatching(
        /CustomResourceDefinition things\.stuck\.tracewright\.dev .*it waits for Thing held-things\/one, whose finalizers/u,
      ) as string,
    });
  });

  it('by what is left in it names that, for a namespace', async () => {
    await expect(removeOwnNamespaces(server.kube, owner, { timeoutMs: 3_000 })).rejects.toMatchObject({
      type: 'removal.stuck',
      message: expect.stringMatching(
        /^Namespace held-things is still there .*Thing held-things\/one, whose finalizers are not done: .*demo\.tracewright\.dev\/finalizer/u,
      ) as string,
    });
    await release(thingPath);
    await removeOwnNamespaces(server.kube, owner);
    expect(
      await readObject(server.kube, { ...thing, kind: 'Namespace', apiVersion: 'v1', name: 'held-things' }),
    ).toBe(undefined);
  });

  it('by an API service that does not answer names it, and does not begin', async () => {
    const namespace = 'waits-for-an-api';
    await ensureNamespace(server.kube, { name: namespace, owner });
    const services = '/apis/apiregistration.k8s.io/v1/apiservices';
    const name = 'v1beta1.broken.tracewright.dev';
    await send('POST', services, {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name },
      spec: {
        group: 'broken.tracewright.dev',
        version: 'v1beta1',
        groupPriorityMinimum: 1_000,
        versionPriority: 10,
        insecureSkipTLSVerify: true,
        service: { namespace: 'nowhere', name: 'nobody' },
      },
    });
    await expect
      .poll(() => attempt(), { timeout: 30_000 })
      .toMatchObject({
        type: 'removal.stuck',
        message: expect.stringMatching(
          /API service v1beta1\.broken\.tracewright\.dev does not answer \(.*nobody.*\)/u,
        ) as string,
        remedy: expect.stringContaining(`kubectl delete apiservice ${name}`) as string,
      });
    const spared = await readObject(server.kube, { apiVersion: 'v1', kind: 'Namespace', name: namespace });
    expect(spared?.metadata.deletionTimestamp).toBeUndefined();

    // Somebody deletes it all the same: Kubernetes leaves it half deleted, and we say because of what.
    await send('DELETE', `/api/v1/namespaces/${namespace}`);
    const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
    await expect(removeObjects(server.kube, [reference], { timeoutMs: 3_000 })).rejects.toMatchObject({
      message: expect.stringMatching(
        /Namespace waits-for-an-api is still there .*API service v1beta1\.broken\.tracewright\.dev does not answer/u,
      ) as string,
    });
    await send('DELETE', `${services}/${name}`);
    await removeObjects(server.kube, [reference], { timeoutMs: 60_000 });

    async function attempt(): Promise<unknown> {
      return removeOwnNamespaces(server.kube, { environment: 'stuck' }, { timeoutMs }).catch(
        (error: unknown) => error,
      );
    }
  });
});
