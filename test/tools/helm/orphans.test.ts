import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHelm, type Helm } from '../../../src/tools/helm/helm.js';
import { reconcileRelease, type ReconcileOptions } from '../../../src/tools/helm/reconcile.js';
import { removeRelease } from '../../../src/tools/helm/removal.js';
import { removeDefinitions } from '../../../src/tools/kubernetes/removal.js';
import { sweepEnvironment } from '../../../src/tools/kubernetes/teardown.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition, writeChart } from '../../support/chart.js';
import {
  clusterDifferences,
  snapshotCluster,
  snapshotWhenAsBefore,
  snapshotWhenStill,
  touched,
  type ClusterSnapshot,
} from '../../support/cluster-snapshot.js';
import { testHelms } from '../../support/helm.js';

/**
 * An operator as charts make them: it mounts a certificate that a program writes, and keeps a Service for the kubelets.
 */
const operator = `apiVersion: apps/v1
kind: Deployment
metadata: { name: operator }
spec:
  selector: { matchLabels: { app: operator } }
  template:
    metadata: { labels: { app: operator } }
    spec:
      containers:
        - name: operator
          image: example.invalid/operator:1
          args: [--kubelet-service=kube-system/operator-kubelet]
      volumes: [{ name: tls, secret: { secretName: operator-cert } }]
`;

const hook = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations: { helm.sh/hook: pre-install }
`;

const kept = definition(
  'kept',
  'Kept',
  'by.tracewright.dev',
  '  annotations: { helm.sh/resource-policy: keep }\n',
);

/** What helm leaves behind, in a namespace where others live, so that it does not go with its namespace. */
describe.skipIf(missingApiServer)(`what helm leaves of a release ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let helm: Helm;
  let options: ReconcileOptions;
  let before: ClusterSnapshot;
  const theirs = [
    'Namespace shared',
    'Secret shared/other-cert',
    'ConfigMap shared/by-hand',
    'Secret shared/operator-key',
  ];
  /** Made while the release is there, under names that the chart mentions, by tools that no list could know. */
  const usedByIt = ['Secret shared/by-tool', 'ConfigMap shared/by-browser'];

  const post = (path: string, object: unknown, fieldManager = 'some-program'): Promise<unknown> =>
    server.kube.json({
      method: 'POST',
      path,
      query: { fieldManager },
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(object),
    });
  const named = (name: string): unknown => ({ metadata: { name } });
  const differences = async (): Promise<string[]> =>
    clusterDifferences(before, await snapshotWhenAsBefore(server.kube, before));

  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
    const [{ binary } = { binary: '' }] = testHelms;
    helm = createHelm({
      binary,
      homeDir: join(server.folder, 'helm'),
      kubeconfigPath: server.kubeconfigPath,
    });
    const chartPath = await writeChart(join(server.folder, 'operator'), {
      files: {
        'templates/operator.yaml': operator,
        'templates/hook.yaml': hook,
        'templates/kept.yaml': kept,
        'templates/mention.yaml':
          'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: mention }\ndata: { key: operator-key, person: by-hand, tool: by-tool, browser: by-browser }\n',
      },
    });
    options = {
      kube: server.kube,
      helm,
      namespace: 'shared',
      name: 'operator',
      chartPath,
      values: {},
      environment: 'demo',
      component: 'operator',
      consent: 'existing-cluster',
    };
    await post('/api/v1/namespaces', named('shared'), 'kubectl-create');
    await post('/api/v1/namespaces/shared/secrets', named('other-cert'));
    // Older than the release, so not of its making, whatever the chart mentions.
    await post('/api/v1/namespaces/shared/secrets', named('operator-key'));
    await post('/api/v1/namespaces/shared/configmaps', named('by-hand'), 'kubectl-create');
    // That takes more than a second as well, and times of objects are whole seconds.
    before = await snapshotWhenStill(server.kube);
  });
  afterAll(() => server.stop());

  /** What the programs of the release would do, were there a node to run them. */
  async function runPrograms(): Promise<void> {
    await expect.poll(podName, { timeout: 20_000 }).toMatch(/^operator-/u);
    const holderIdentity = `${await podName()}_3f1c`;
    // By the name of its executable, which the API server notes.
    await post('/api/v1/namespaces/shared/secrets', named('operator-cert'), 'operator');
    await post('/api/v1/namespaces/kube-system/services', {
      metadata: {
        name: 'operator-kubelet',
        labels: { 'app.kubernetes.io/managed-by': 'prometheus-operator' },
      },
      spec: { clusterIP: 'None', ports: [{ port: 10250 }] },
    });
    await post('/apis/coordination.k8s.io/v1/namespaces/kube-system/leases', {
      metadata: { name: 'operator-leader' },
      spec: { holderIdentity },
    });
  }

  async function podName(): Promise<string> {
    const { items } = await server.kube.json<{ items: { metadata: { name: string } }[] }>({
      path: '/api/v1/namespaces/shared/pods',
    });
    return items[0]?.metadata.name ?? '';
  }

  it('goes with it: certificates, leases, the Service for the kubelets, hooks, kept definitions', async () => {
    await reconcileRelease(options);
    await runPrograms();
    const { definitions } = await removeRelease(options);
    expect(definitions).toEqual(['kept.by.tracewright.dev']);
    await removeDefinitions(server.kube, definitions);
    expect(await differences()).toEqual([]);
    expect(touched(before, await snapshotCluster(server.kube), theirs)).toEqual([]);
  });

  it('is not what others made meanwhile, whatever they made it with', async () => {
    await reconcileRelease(options);
    await post('/api/v1/namespaces/shared/secrets', named('by-tool'), 'OpenAPI-Generator');
    await post('/api/v1/namespaces/shared/configmaps', named('by-browser'), 'axios');
    const { definitions } = await removeRelease(options);
    await removeDefinitions(server.kube, definitions);
    await sweepEnvironment(server.kube, { environment: 'demo' });
    const { objects } = await snapshotCluster(server.kube);
    for (const name of usedByIt) expect(objects.has(name), name).toBe(true);
    for (const path of ['secrets/by-tool', 'configmaps/by-browser'])
      await server.kube.json({ method: 'DELETE', path: `/api/v1/namespaces/shared/${path}` });
    expect(await differences()).toEqual([]);
  });

  it('goes later when whoever removes the release is killed after helm', async () => {
    await reconcileRelease(options);
    await runPrograms();
    const killed = {
      ...helm,
      uninstall: async (...args: Parameters<Helm['uninstall']>) => {
        await helm.uninstall(...args);
        throw new Error('killed');
      },
    };
    await expect(removeRelease({ ...options, helm: killed })).rejects.toThrow('killed');
    expect(await removeRelease(options)).toMatchObject({ outcome: 'absent' });
    const { deleted, kept: stays } = await sweepEnvironment(server.kube, { environment: 'demo' });
    expect(deleted).toEqual(
      expect.arrayContaining([
        'Secret shared/operator-cert',
        'Service kube-system/operator-kubelet',
        'Lease kube-system/operator-leader',
        'ConfigMap shared/operator-hook',
        'CustomResourceDefinition kept.by.tracewright.dev',
      ]),
    );
    expect(stays).toEqual([]);
    expect(await differences()).toEqual([]);
    expect(touched(before, await snapshotCluster(server.kube), theirs)).toEqual([]);
  });

  it('is named when it is left, changed or gone: the comparison can fail', async () => {
    await post('/api/v1/namespaces/default/configmaps', named('planted'));
    await server.kube.json({
      method: 'PATCH',
      path: '/api/v1/namespaces/shared/configmaps/by-hand',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: '{"data":{"more":"of it"}}',
    });
    await server.kube.json({ method: 'DELETE', path: '/api/v1/namespaces/shared/secrets/other-cert' });
    const after = await snapshotCluster(server.kube);
    expect(clusterDifferences(before, after).sort()).toEqual([
      'ConfigMap default/planted is left',
      'ConfigMap shared/by-hand reads otherwise',
      'Secret shared/other-cert is gone',
    ]);
    expect(touched(before, after, theirs)).toEqual([
      'Secret shared/other-cert is gone, or another one',
      expect.stringMatching(/^ConfigMap shared\/by-hand was written: version/u),
    ]);
  });

  it('does not touch a release whose removal was skipped, and says so', async () => {
    await reconcileRelease({ ...options, namespace: 'skipped' });
    const { kept: stays } = await sweepEnvironment(server.kube, { environment: 'demo' });
    expect(stays).toEqual([
      { name: 'Helm release skipped/operator', reason: 'its removal was skipped' },
      {
        name: 'Namespace skipped',
        reason: expect.stringContaining('Deployment skipped/operator') as string,
      },
    ]);
    expect(await removeRelease({ ...options, namespace: 'skipped' })).toMatchObject({ outcome: 'removed' });
  });
});
