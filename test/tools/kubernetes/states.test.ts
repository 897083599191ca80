import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTracewrightError } from '../../../src/domain/failure.js';
import type { KubernetesObjectSpec } from '../../../src/domain/stack.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { parseManifests } from '../../../src/tools/kubernetes/manifests.js';
import { ensureNamespace } from '../../../src/tools/kubernetes/namespaces.js';
import { removeDefinitions, removeOwnObjects } from '../../../src/tools/kubernetes/removal.js';
import { removeOwnNamespaces } from '../../../src/tools/kubernetes/teardown.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition } from '../../support/chart.js';
import { docTable } from '../../support/doc-table.js';

const applied = docTable('reference/states.md', '## Manifests and custom resources');
const removed = docTable('reference/states.md', 'At a removal:');

const outcomes = { created: 'create', changed: 'change', unchanged: 'nothing' } as const;

describe.skipIf(missingApiServer)(`states of objects ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let count = 0;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
  });
  afterAll(() => server.stop());

  interface Case {
    readonly namespace: string;
    readonly objects: readonly KubernetesObjectSpec[];
    readonly adopt?: true;
    /** Lets what it waits for happen. */
    readonly meanwhile?: () => Promise<unknown>;
    /** Whether the step is tried again by itself after a refusal. */
    readonly retryable?: boolean;
  }

  const owner = { environment: 'demo', component: 'it' };
  const freshNamespace = (): string => `states-${String((count += 1))}`;
  const config = (text: string, more: object = {}): KubernetesObjectSpec => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'it', ...more },
    data: { text },
  });
  const send = (method: 'POST' | 'DELETE' | 'PATCH', path: string, body?: unknown): Promise<unknown> =>
    server.kube.json({
      method,
      path,
      query: method === 'POST' ? { fieldManager: 'kubectl-create' } : undefined,
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const made = async (object: KubernetesObjectSpec, environment = 'demo'): Promise<string> => {
    const namespace = freshNamespace();
    await applyObjects(server.kube, { objects: [object], namespace, owner: { ...owner, environment } });
    return namespace;
  };
  const strangers = async (): Promise<string> => {
    const namespace = freshNamespace();
    await send('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    await send('POST', `/api/v1/namespaces/${namespace}/configmaps`, config('theirs'));
    return namespace;
  };
  const release = (namespace: string): Promise<unknown> =>
    send('PATCH', `/api/v1/namespaces/${namespace}/configmaps/it`, { metadata: { finalizers: null } });
  const held = config('x', { finalizers: ['demo.tracewright.dev/finalizer'] });
  const custom = (group: string): KubernetesObjectSpec => ({
    apiVersion: `${group}/v1`,
    kind: 'Gizmo',
    metadata: { name: 'it' },
  });
  const gizmos = (group: string): KubernetesObjectSpec[] =>
    parseManifests(definition('gizmos', 'Gizmo', group));

  /**
   * A kind, and a webhook that must approve its objects and whose Service nobody serves, or that is not there at all.
   */
  async function behindWebhook(group: string, hasService: boolean): Promise<string> {
    const namespace = freshNamespace();
    await applyObjects(server.kube, { objects: gizmos(group), namespace, owner });
    const service = { namespace, name: 'judge' };
    if (hasService)
      await send('POST', `/api/v1/namespaces/${namespace}/services`, {
        metadata: { name: service.name },
        spec: { ports: [{ port: 443 }] },
      });
    await send('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
      metadata: { name: group },
      webhooks: [
        {
          name: `judge.${group}`,
          clientConfig: { service },
          rules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['*'], resources: ['*'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          timeoutSeconds: 2,
        },
      ],
    });
    // The API server learns of a new webhook by a watch of its own.
    const tried = { objects: [custom(group)], namespace, owner, dryRun: true };
    await expect
      .poll(
        () =>
          applyObjects(server.kube, tried).then(
            () => 'taken',
            () => 'refused',
          ),
        { timeout: 20_000 },
      )
      .toBe('refused');
    return namespace;
  }

  const cases: Readonly<Record<string, () => Promise<Case>>> = {
    'object absent': () => Promise.resolve({ namespace: freshNamespace(), objects: [config('x')] }),
    'object equal': async () => ({ namespace: await made(config('x')), objects: [config('x')] }),
    'object different': async () => ({ namespace: await made(config('x')), objects: [config('y')] }),
    "a stranger's object": async () => ({
      namespace: await strangers(),
      objects: [config('x')],
      retryable: false,
    }),
    "a stranger's object, with --adopt": async () => ({
      namespace: await strangers(),
      objects: [config('x')],
      adopt: true,
    }),
    "another environment's object, with --adopt": async () => ({
      namespace: await made(config('x'), 'other'),
      objects: [config('y')],
      adopt: true,
      retryable: false,
    }),
    'object ours, just being deleted': async () => {
      const namespace = await made(held);
      await send('DELETE', `/api/v1/namespaces/${namespace}/configmaps/it`);
      return { namespace, objects: [config('y')], meanwhile: () => release(namespace) };
    },
    "a stranger's object that is just being deleted": async () => {
      const namespace = await strangers();
      const path = `/api/v1/namespaces/${namespace}/configmaps/it`;
      await send('PATCH', path, { metadata: { finalizers: ['demo.tracewright.dev/finalizer'] } });
      await send('DELETE', path);
      return { namespace, objects: [config('y')], meanwhile: () => release(namespace) };
    },
    'its namespace is going': async () => {
      const namespace = await made(held);
      await send('DELETE', `/api/v1/namespaces/${namespace}`);
      return { namespace, objects: [config('y')], meanwhile: () => release(namespace) };
    },
    'custom resource, its definition in the same manifests': () =>
      Promise.resolve({
        namespace: freshNamespace(),
        objects: [custom('both.tracewright.dev'), ...gizmos('both.tracewright.dev')],
      }),
    'custom resource, its definition missing': () =>
      Promise.resolve({
        namespace: freshNamespace(),
        objects: [custom('none.tracewright.dev')],
        retryable: true,
      }),
    'custom resource, its webhook not ready': async () => ({
      namespace: await behindWebhook('mute.tracewright.dev', true),
      objects: [custom('mute.tracewright.dev')],
      retryable: true,
    }),
    "custom resource, its webhook's Service gone": async () => ({
      namespace: await behindWebhook('gone.tracewright.dev', false),
      objects: [custom('gone.tracewright.dev')],
      retryable: false,
    }),
  };

  it('are those of the page', () => {
    expect(applied.map(({ found }) => found)).toEqual(Object.keys(cases));
    expect(removed.map(({ found }) => found)).toEqual(Object.keys(removals));
  });

  it.each(applied)('$found → $does', async ({ found = '', does = '' }) => {
    const it = await cases[found]?.();
    if (!it) throw new Error(`There is no test for "${found}".`);
    const { namespace, objects, adopt, meanwhile, retryable } = it;
    const applying = applyObjects(server.kube, { objects, namespace, owner, ...(adopt && { adopt }) }).catch(
      (error: unknown) => {
        if (isTracewrightError(error)) return error;
        throw error;
      },
    );
    let waited = '';
    if (meanwhile) {
      const first = await Promise.race([
        applying,
        new Promise((resolve) => setTimeout(resolve, 500, 'waits')),
      ]);
      waited = first === 'waits' ? 'wait, ' : '';
      await meanwhile();
    }
    const done = await applying;
    if (isTracewrightError(done)) {
      expect(`refuse ${done.type}`).toBe(does);
      expect(done.retryable).toBe(retryable);
      return;
    }
    const outcome = new Set(done.map((one) => outcomes[one.outcome]));
    expect(waited + [...outcome].join(', ')).toBe(does);
    const again = await applyObjects(server.kube, { objects, namespace, owner });
    expect(again.every((one) => one.outcome === 'unchanged')).toBe(true);
  });

  /** Takes it away. @returns what was done, in the words of the page */
  const removals: Readonly<Record<string, () => Promise<string>>> = {
    'object ours': async () => removeIt(await made(config('x'))),
    'object not ours': async () => removeIt(await strangers()),
    'object held by a finalizer': async () => {
      const namespace = await made(held);
      return removeIt(namespace).finally(() => release(namespace));
    },
    'definition ours, no objects of its kind': async () => removeDefinition('free.tracewright.dev', []),
    "definition ours, somebody's objects remain": async () =>
      removeDefinition('used.tracewright.dev', [custom('used.tracewright.dev')]),
    'namespace ours, nothing of others in it': () => removeNamespace('lonely', []),
    'namespace ours, others have objects in it': () => removeNamespace('lively', [config('theirs')]),
    'namespace ours, an API service is broken': async () => {
      const services = '/apis/apiregistration.k8s.io/v1/apiservices';
      const name = 'v1.broken.tracewright.dev';
      await send('POST', services, {
        metadata: { name },
        spec: {
          ...{
            group: 'broken.tracewright.dev',
            version: 'v1',
            groupPriorityMinimum: 1_000,
            versionPriority: 10,
          },
          insecureSkipTLSVerify: true,
          service: { namespace: 'nowhere', name: 'nobody' },
        },
      });
      try {
        await expect.poll(() => removeNamespace('broken', []), { timeout: 20_000 }).toContain('refuse');
        return await removeNamespace('broken', []);
      } finally {
        await send('DELETE', `${services}/${name}`);
      }
    },
  };

  async function removeIt(namespace: string): Promise<string> {
    const it = { apiVersion: 'v1', kind: 'ConfigMap', name: 'it', namespace };
    const work = removeOwnObjects(server.kube, [it], owner, { timeoutMs: 1_000 });
    return inWords(work.then((count) => (count === 1 ? 'delete' : 'leave')));
  }

  async function removeDefinition(group: string, theirs: readonly KubernetesObjectSpec[]): Promise<string> {
    const namespace = freshNamespace();
    await applyObjects(server.kube, { objects: gizmos(group), namespace, owner });
    await applyObjects(server.kube, { objects: theirs, namespace, owner: { environment: 'other' } });
    const { deleted } = await removeDefinitions(server.kube, [`gizmos.${group}`]);
    return deleted.length === 1 ? 'delete' : 'leave';
  }

  async function removeNamespace(
    environment: string,
    theirs: readonly KubernetesObjectSpec[],
  ): Promise<string> {
    const name = `of-${environment}`;
    await ensureNamespace(server.kube, { name, owner: { environment } });
    for (const object of theirs) await send('POST', `/api/v1/namespaces/${name}/configmaps`, object);
    const work = removeOwnNamespaces(server.kube, { environment });
    return inWords(work.then(({ deleted }) => (deleted.includes(name) ? 'delete' : 'leave')));
  }

  async function inWords(work: Promise<string>): Promise<string> {
    return work.catch((error: unknown) => {
      if (isTracewrightError(error)) return `refuse ${error.type}`;
      throw error;
    });
  }

  it.each(removed)('removal: $found → $does', async ({ found = '', does }) => {
    expect(await removals[found]?.()).toBe(does);
  });
});
