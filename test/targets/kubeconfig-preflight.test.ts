import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Check } from '../../src/domain/check.js';
import { ownershipLabels } from '../../src/domain/names.js';
import type { Stack } from '../../src/domain/stack.js';
import { preflightKubeconfig } from '../../src/targets/kubeconfig/preflight.js';
import { applyObjects } from '../../src/tools/kubernetes/apply.js';
import { missingApiServer, startApiServer, type ApiServer } from '../support/api-server.js';
import { writeChart } from '../support/chart.js';
import { kubectl } from '../support/kubectl.js';
import { testHelms } from '../support/helm.js';
import { tutorialShapedStack } from '../support/stack.js';

const missingNamespaces = ['cert-manager', 'monitoring', 'otel-system', 'tracing'];

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rule = (apiGroup: string, resources: readonly string[], ...verbs: string[]): Rule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

/** What the stack of the tutorial's shape needs, and nothing that only charts bring. */
const enough: readonly Rule[] = [
  rule('', ['namespaces'], 'get', 'create', 'delete'),
  rule('', ['pods'], 'list', 'watch'),
  rule('', ['pods/log'], 'get'),
  rule('', ['secrets'], 'get', 'list', 'create', 'update', 'delete'),
  rule('', ['services/proxy'], 'get', 'create'),
  rule('', ['services'], 'get', 'create', 'patch', 'delete'),
  rule('apps', ['deployments'], 'list', 'watch'),
  rule('batch', ['jobs'], 'list', 'watch'),
];

/** A real API server with its RBAC, and a user who may do what the test says. */
describe.skipIf(missingApiServer)(`the preflight of an existing cluster ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let stack: Stack;
  beforeAll(async () => {
    server = await startApiServer();
    stack = tutorialShapedStack();
  });
  afterAll(() => server.stop());
  beforeEach(() => allow([]));

  async function allow(rules: readonly Rule[]): Promise<void> {
    const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'visitor' };
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'visitor' }];
    await applyObjects(server.kube, {
      namespace: 'default',
      owner: { environment: 'test' },
      objects: [
        { apiVersion, kind: 'ClusterRole', metadata: { name: 'visitor' }, rules },
        { apiVersion, kind: 'ClusterRoleBinding', metadata: { name: 'visitor' }, roleRef: role, subjects },
      ],
    });
  }

  const look = (
    kubeconfigPath = server.kubeconfigPath,
    more: { adopt?: true; context?: string } = {},
  ): Promise<Check[]> => {
    const { context, ...adopt } = more;
    const target = { kind: 'kubeconfig' as const, kubeconfigPath, ...(context !== undefined && { context }) };
    return preflightKubeconfig({ environment: 'mine', kubectl, stack, target, ...adopt });
  };
  const visit = (): Promise<Check[]> => look(server.visitorKubeconfigPath);
  const named = (checks: readonly Check[], name: string): Check | undefined =>
    checks.find((check) => check.name === name);

  /** All namespaces and Secrets: what an installation makes first. */
  async function contents(): Promise<string[]> {
    const lists = await Promise.all(
      ['namespaces', 'secrets'].map((kind) =>
        server.kube.json<{ items: { metadata: { name: string; resourceVersion: string } }[] }>({
          path: `/api/v1/${kind}`,
        }),
      ),
    );
    return lists.flatMap(({ items }) =>
      items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`),
    );
  }

  it('is content with an administrator, and changes nothing', async () => {
    const before = await contents();
    const checks = await look();
    expect(checks.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'cluster ok',
      'permissions ok',
      'existing releases ok',
    ]);
    expect(await contents()).toEqual(before);
  });

  it('refuses a user who may nothing, and says what is missing, where, and how to ask', async () => {
    const checks = await visit();
    expect(checks.map(({ name }) => name)).toEqual(['cluster', 'permissions']);
    const permissions = named(checks, 'permissions');
    expect(permissions).toMatchObject({ state: 'failed', type: 'cluster.forbidden' });
    expect(permissions?.detail).toMatch(
      /user of the context test may not do what the stack needs: create namespaces; delete namespaces; .*, and \d+ more/u,
    );
    expect(permissions?.remedy).toContain('`kubectl auth can-i create namespaces` tells');
  });

  it('names the one thing that is missing', async () => {
    await allow(enough.map((it) => (it.resources[0] === 'services/proxy' ? { ...it, verbs: ['get'] } : it)));
    const permissions = named(await visit(), 'permissions');
    expect(permissions).toMatchObject({
      type: 'cluster.forbidden',
      detail:
        'The user of the context test may not do what the stack needs: create services/proxy in otel-system.',
      remedy: expect.stringContaining(
        'kubectl auth can-i create services --subresource=proxy -n otel-system',
      ) as string,
    });
  });

  it('warns of what charts usually bring: only the chart tells whether it does', async () => {
    await allow(enough);
    const checks = await visit();
    const permissions = named(checks, 'permissions');
    expect(permissions?.state).toBe('warning');
    expect(permissions?.detail).toContain('create customresourcedefinitions.apiextensions.k8s.io');
    expect(named(checks, 'existing releases')?.state).toBe('ok');
  });

  it('warns who may make what charts bring, but not take it away again', async () => {
    const whole = enough.flatMap(({ apiGroups: [group = ''], resources }) => rule(group, resources, '*'));
    const others = [
      rule('', ['configmaps', 'serviceaccounts', 'persistentvolumeclaims'], '*'),
      rule('coordination.k8s.io', ['leases'], '*'),
      rule(
        'rbac.authorization.k8s.io',
        ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'],
        '*',
      ),
      rule('apiextensions.k8s.io', ['customresourcedefinitions'], '*'),
      rule(
        'admissionregistration.k8s.io',
        ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
        'create',
      ),
    ];
    await allow([...whole, ...others]);
    const permissions = named(await visit(), 'permissions');
    expect(permissions).toMatchObject({
      state: 'warning',
      detail:
        'The user of this context may not delete validatingwebhookconfigurations.admissionregistration.k8s.io; ' +
        'delete mutatingwebhookconfigurations.admissionregistration.k8s.io: `down` will fail at such things that charts brought.',
      remedy: expect.stringContaining(
        'kubectl auth can-i delete validatingwebhookconfigurations.admissionregistration.k8s.io',
      ) as string,
    });
  });

  it('asks for the right to make namespaces only where one is missing', async () => {
    const all = missingNamespaces.map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    }));
    await applyObjects(server.kube, { namespace: 'default', owner: { environment: 'x' }, objects: all });
    try {
      await allow(enough.map((it) => (it.resources[0] === 'namespaces' ? { ...it, verbs: ['get'] } : it)));
      expect(named(await visit(), 'permissions')?.state).toBe('warning');
    } finally {
      for (const { metadata } of all)
        await server.kube.send({ method: 'DELETE', path: `/api/v1/namespaces/${metadata.name}` });
    }
  });

  it('asks nothing of a cluster that does not answer, or that there is not', async () => {
    const checks = await look(server.kubeconfigPath, { context: 'nowhere' });
    expect(checks).toMatchObject([{ name: 'cluster', state: 'failed', type: 'cluster.not-found' }]);
  });

  describe('of what others made', () => {
    const [{ binary } = { binary: '' }] = testHelms;
    const helm = (...args: readonly string[]): string =>
      execFileSync(binary, ['--kubeconfig', server.kubeconfigPath, ...args], {
        encoding: 'utf8',
        env: { ...process.env, HELM_CACHE_HOME: server.folder, HELM_CONFIG_HOME: server.folder },
      });
    const install = async (...more: readonly string[]): Promise<void> => {
      const chart = await writeChart(join(server.folder, 'chart'));
      helm('install', 'tempo', chart, '--namespace', 'theirs', '--create-namespace', ...more);
    };
    const theirs = (): Stack => {
      const { tempo } = stack.components;
      const release = { namespace: 'theirs', chart: { path: 'x' }, values: {} };
      return {
        ...stack,
        components: { tempo: { ...tempo, needs: [], release, ready: tempo?.ready ?? [] } },
      } as Stack;
    };
    beforeAll(() => {
      stack = theirs();
    });
    afterAll(() => {
      stack = tutorialShapedStack();
    });

    it('refuses a release, unless it is to be adopted', async () => {
      await install();
      try {
        const found = named(await look(), 'existing releases');
        expect(found).toMatchObject({
          state: 'failed',
          type: 'release.foreign',
          detail:
            'The Helm release theirs/tempo exists already (chart demo 1.2.3), and Tracewright did not make it.',
          remedy: expect.stringContaining('--adopt') as string,
        });
        expect(named(await look(undefined, { adopt: true }), 'existing releases')?.state).toBe('ok');
      } finally {
        helm('uninstall', 'tempo', '--namespace', 'theirs');
      }
    });

    it("refuses another environment's release even then, and takes its own", async () => {
      for (const [owner, state] of [
        ['other', 'failed'],
        ['mine', 'ok'],
      ] as const) {
        await install('--labels', `${ownershipLabels.environment}=${owner}`);
        try {
          expect(named(await look(undefined, { adopt: true }), 'existing releases')?.state).toBe(state);
        } finally {
          helm('uninstall', 'tempo', '--namespace', 'theirs');
        }
      }
    });

    it('refuses an object, unless it is to be adopted', async () => {
      stack = tutorialShapedStack();
      const service = { metadata: { name: 'hotrod' }, spec: { ports: [{ port: 80 }] } };
      const path = '/api/v1/namespaces/default/services';
      const headers = { 'content-type': 'application/json' };
      await server.kube.json({ method: 'POST', path, headers, body: JSON.stringify(service) });
      try {
        expect(named(await look(), 'existing releases')).toMatchObject({
          type: 'manifest.foreign',
          detail: 'Service default/hotrod exists already, and Tracewright did not make it.',
        });
        expect(named(await look(undefined, { adopt: true }), 'existing releases')?.state).toBe('ok');
      } finally {
        await server.kube.send({ method: 'DELETE', path: `${path}/hotrod` });
      }
    });
  });
});
