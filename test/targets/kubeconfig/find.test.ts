import { expect, it } from 'vitest';
import { findInCluster } from '../../../src/targets/kubeconfig/find.js';
import type { Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import type { ObjectMeta } from '../../../src/tools/kubernetes/objects.js';

/** As an API server lists metadata: kind and version stand in the list alone. */
type Metadata = Partial<ObjectMeta> & { readonly name: string };

const labels = (environment: string, component?: string): Record<string, string> => ({
  'tracewright.dev/environment': environment,
  ...(component !== undefined && { 'tracewright.dev/component': component }),
});

const record = (
  namespace: string,
  name: string,
  component: string,
  revision: number,
  at: string,
): Metadata => ({
  name: `sh.helm.release.v1.${name}.v${String(revision)}`,
  namespace,
  creationTimestamp: at,
  labels: {
    ...labels('lab', component),
    ...{ owner: 'helm', name, status: 'deployed', version: String(revision) },
  },
});

const lists: Readonly<Record<string, readonly Metadata[]>> = {
  '/api/v1/secrets': [
    record('otel', 'operator', 'operator', 1, '2026-11-29T00:02:00Z'),
    record('otel', 'operator', 'operator', 2, '2026-11-29T00:09:00Z'),
    record('cert', 'cert-manager', 'cert-manager', 3, '2026-11-29T00:01:00Z'),
  ],
  '/api/v1/namespaces': [
    { name: 'otel', labels: labels('lab') },
    { name: 'branch', labels: labels('branch-42') },
    { name: 'own', labels: labels('embedded.cluster') },
  ],
  '/api/v1/configmaps': [
    { name: 'collector', namespace: 'otel', labels: labels('lab', 'collector') },
    // Its operator copies labels: it goes with what it belongs to.
    {
      name: 'made',
      namespace: 'otel',
      labels: labels('lab', 'collector'),
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'collector', uid: '1' }],
    },
  ],
};

const resources = [
  ['secrets', 'Secret', true],
  ['configmaps', 'ConfigMap', true],
  ['namespaces', 'Namespace', false],
].map(([name, kind, namespaced]) => ({ name, kind, namespaced, verbs: ['list', 'delete'] }));

it('groups what is labelled by environment, and knows in which order it goes', async () => {
  const asked: unknown[] = [];
  const kube = {
    ...{ kubeconfigPath: '/lab', context: 'lab', serverUrl: 'https://lab' },
    serverVersion: () => Promise.resolve('v1.34.4'),
    json: ({ path, query }: { path: string; query?: unknown }) => {
      if (path === '/apis') return Promise.resolve({ groups: [] });
      if (path === '/api/v1') return Promise.resolve({ resources });
      asked.push(query);
      return Promise.resolve({ items: lists[path]?.map((metadata) => ({ metadata })) ?? null });
    },
  } as unknown as Kubernetes;
  const found = await findInCluster(kube);
  expect(asked).toEqual(resources.map(() => ({ labelSelector: 'tracewright.dev/environment' })));
  const [lab, branch, ...others] = found.sort((a, b) => b.environment.localeCompare(a.environment));
  expect(others).toEqual([]);
  expect(branch).toMatchObject({ environment: 'branch-42', exists: ['Namespace branch'] });
  expect(branch?.shared?.parts).toEqual([]);
  expect(lab).toMatchObject({
    environment: 'lab',
    target: { kind: 'kubeconfig', kubeconfigPath: '/lab', context: 'lab' },
    shared: { cluster: { version: 'v1.34.4', owned: false } },
  });
  expect([...(lab?.exists ?? [])].sort()).toEqual([
    'ConfigMap otel/collector',
    'Helm release cert/cert-manager',
    'Helm release otel/operator',
    'Namespace otel',
  ]);
  // Each needs the one before: taken away from behind.
  expect(lab?.shared?.parts.map(({ step, definition: { needs } }) => [step, ...needs])).toEqual([
    ['cert-manager'],
    ['operator', 'cert-manager'],
    ['collector', 'operator'],
  ]);
  expect(lab?.shared?.parts.at(-1)?.definition.manifests?.objects).toEqual([
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'collector', namespace: 'otel' } },
  ]);
});
