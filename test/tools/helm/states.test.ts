import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTracewrightError } from '../../../src/domain/failure.js';
import type { ReleaseAction } from '../../../src/domain/release.js';
import { diffInstalled } from '../../../src/tools/helm/diff.js';
import { putBack } from '../../../src/tools/helm/put-back.js';
import { reconcileRelease, type ReconcileOptions } from '../../../src/tools/helm/reconcile.js';
import { observeRelease } from '../../../src/tools/helm/release-record.js';
import { readObject } from '../../../src/tools/kubernetes/observe.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { writeChart } from '../../support/chart.js';
import { docTable } from '../../support/doc-table.js';
import { helmOf, testHelms } from '../../support/helm.js';
import { freshRelease, recordOf, putRecord, setStatus } from '../../support/releases.js';

const rows = docTable('reference/states.md', '## Helm releases');

const words: Readonly<Record<ReleaseAction['kind'], string>> = {
  none: 'nothing',
  install: 'install',
  upgrade: 'upgrade',
  'put-back': 'put back',
  restart: 'restart',
  'uninstall-then-install': 'uninstall',
  'rollback-then-upgrade': 'roll back',
  wait: 'wait',
  refuse: 'refuse',
};

/** A template of a Deployment that reads a ConfigMap. */
const readerOf = (configMap: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: reader }
spec:
  replicas: 0
  selector: { matchLabels: { app: reader } }
  template:
    metadata: { labels: { app: reader } }
    spec:
      containers:
        - { name: reader, image: example.invalid/reader:1, envFrom: [{ configMapRef: { name: ${configMap} } }] }
`;

const autoscaler = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: reader }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: reader }
  minReplicas: 1
  maxReplicas: 5
  metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }]
`;

/** A ConfigMap of all values that were given. */
const allValues = `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-config }
data:
  text: {{ .Values.text | quote }}
  {{- with .Values.more }}
  more: {{ . | quote }}
  {{- end }}
`;

describe.skipIf(missingApiServer)(`states of Helm releases ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let chart: string;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
    chart = await writeChart(join(server.folder, 'chart'));
  });
  afterAll(() => server.stop());

  describe.each(testHelms)('with helm $version', (testHelm) => {
    const { binary, version } = testHelm;
    const fresh = (changes: Partial<ReconcileOptions> = {}): ReconcileOptions =>
      freshRelease({
        kube: server.kube,
        helm: helmOf(server, testHelm),
        chartPath: chart,
        ...changes,
      });

    /** A person's own helm. */
    const byHand = async (
      verb: string,
      { name, namespace }: ReconcileOptions,
      ...more: string[]
    ): Promise<void> => {
      await promisify(execFile)(binary, [
        ...[verb, name, ...more, '--namespace', namespace],
        ...['--kubeconfig', server.kubeconfigPath],
      ]);
    };
    const installed = async (options = fresh()): Promise<ReconcileOptions> => {
      await reconcileRelease(options);
      return options;
    };
    const upgraded = async (options?: ReconcileOptions): Promise<ReconcileOptions> =>
      installed({ ...(await installed(options)), values: { text: 'two' } });
    const inState = async (status: string, options: ReconcileOptions): Promise<ReconcileOptions> => {
      await setStatus(server.kube, options, status);
      return options;
    };
    const changedByHand = async (options: ReconcileOptions): Promise<ReconcileOptions> => {
      await server.kube.json({
        method: 'PATCH',
        path: `/api/v1/namespaces/${options.namespace}/configmaps/${options.name}-config`,
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ data: { text: 'by hand' } }),
      });
      return options;
    };
    /** As `kubectl edit` and its like do it. */
    const edited = async (options: ReconcileOptions, data: object): Promise<ReconcileOptions> => {
      await server.kube.json({
        method: 'PATCH',
        path: `/api/v1/namespaces/${options.namespace}/configmaps/${options.name}-config`,
        query: { fieldManager: 'kubectl-edit' },
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ data }),
      });
      return options;
    };
    const scaled = async (options: ReconcileOptions, fieldManager: string): Promise<ReconcileOptions> => {
      await server.kube.json({
        method: 'PATCH',
        path: `/apis/apps/v1/namespaces/${options.namespace}/deployments/reader/scale`,
        query: { fieldManager },
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ spec: { replicas: 3 } }),
      });
      return options;
    };
    /** With an autoscaler that the chart brings along, though the chart says how many replicas there are, too. */
    const autoscaled = async (): Promise<ReconcileOptions> => {
      const files = {
        'templates/reader.yaml': readerOf('{{ .Release.Name }}-config'),
        'templates/autoscaler.yaml': autoscaler,
      };
      const options = fresh({
        chartPath: await writeChart(join(server.folder, `autoscaled-${version}`), { files }),
      });
      return scaled(await installed(options), 'kube-controller-manager');
    };
    const withReader = async (): Promise<ReconcileOptions> => {
      const files = { 'templates/reader.yaml': readerOf('{{ .Release.Name }}-config') };
      return fresh({ chartPath: await writeChart(join(server.folder, `reader-${version}`), { files }) });
    };
    const changedChart = async (files: Parameters<typeof writeChart>[1]): Promise<ReconcileOptions> => {
      const options = await installed();
      return {
        ...options,
        chartPath: await writeChart(join(server.folder, `${options.name}-${version}`), files),
      };
    };
    const strangers = async (changes: Partial<ReconcileOptions> = {}): Promise<ReconcileOptions> => {
      const options = fresh({ consent: 'existing-cluster', ...changes });
      await byHand('install', options, chart, '--create-namespace', '--set', 'text=theirs');
      return options;
    };

    /** Brings the state of a row about. @returns what to reconcile then */
    const states: Readonly<Record<string, () => Promise<ReconcileOptions>>> = {
      absent: () => Promise.resolve(fresh()),
      'uninstalled, its history kept': async () => {
        const options = await installed();
        await byHand('uninstall', options, '--keep-history');
        return options;
      },
      'deployed, equal': () => installed(),
      'deployed, other values': async () => ({ ...(await installed()), values: { text: 'two' } }),
      'deployed, other version of the chart': () => changedChart({ version: '1.3.0' }),
      'deployed, other files in the chart': () =>
        changedChart({
          files: { 'templates/more.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more }\n' },
        }),
      'deployed, changed by hand': async () => {
        const options = await installed();
        await byHand('upgrade', options, chart, '--set', 'text=other');
        return options;
      },
      'deployed, an object of it deleted by hand': async () => {
        const options = await installed();
        await server.kube.json({
          method: 'DELETE',
          path: `/api/v1/namespaces/${options.namespace}/configmaps/${options.name}-config`,
        });
        return options;
      },
      'deployed, an object of it changed by hand': async () => changedByHand(await installed()),
      'deployed, a configuration of it changed by hand': async () =>
        changedByHand(await installed(await withReader())),
      'deployed, a configuration of it put back, nothing restarted yet': async () => {
        const options = await changedByHand(await installed(await withReader()));
        const record = await observeRelease(server.kube, options);
        if (!record) throw new Error('It was installed.');
        // As a worker that is killed right after it.
        await putBack(server.kube, (await diffInstalled(server.kube, record)).changed);
        return options;
      },
      'deployed, what was put back gets another value': async () => {
        const options = await installed(await changedByHand(await installed()));
        return { ...options, values: { text: 'two' } };
      },
      'deployed, what was put back is no longer in the chart': async () => {
        const files = { 'templates/config.yaml': allValues };
        const options = fresh({
          chartPath: await writeChart(join(server.folder, `all-values-${version}`), { files }),
          values: { text: 'one', more: 'more' },
        });
        await installed(await edited(await installed(options), { more: 'by hand' }));
        return { ...options, values: { text: 'one' } };
      },
      'deployed, what kubectl has changed gets another value': async () => ({
        ...(await edited(await installed(), { text: 'by hand' })),
        values: { text: 'two' },
      }),
      'deployed, scaled with kubectl': async () => scaled(await installed(await withReader()), 'kubectl'),
      'deployed, scaled by its autoscaler': autoscaled,
      'deployed, scaled by its autoscaler, other values': async () => ({
        ...(await autoscaled()),
        values: { text: 'two' },
      }),
      'deployed, ours and different on an existing cluster': async () => ({
        ...(await installed(fresh({ consent: 'existing-cluster' }))),
        values: { text: 'two' },
      }),
      'failed, first revision': async () => inState('failed', await installed()),
      'failed, later revision': async () => inState('failed', await upgraded()),
      unknown: async () => inState('unknown', await installed()),
      'pending-install': async () => inState('pending-install', await installed()),
      'pending-upgrade': async () => inState('pending-upgrade', await upgraded()),
      'pending-rollback': async () => inState('pending-rollback', await upgraded()),
      'pending-upgrade, nothing ever worked': async () => {
        const options = await installed();
        await inState('failed', options);
        await byHand('upgrade', options, chart, '--set', 'text=two');
        // As it is while helm works; when it succeeds, it calls what was before superseded.
        await setStatus(server.kube, options, 'failed', { revision: 1 });
        return inState('pending-upgrade', options);
      },
      'pending-install on an existing cluster, just now': async () => {
        const options = await installed(fresh({ consent: 'existing-cluster', pendingGraceMs: 3_000 }));
        await setStatus(server.kube, options, 'pending-install', { at: new Date() });
        return options;
      },
      "pending-install on an existing cluster, just now, by this machine's helm": async () => {
        const options = await installed(fresh({ consent: 'existing-cluster', host: 'here' }));
        await setStatus(server.kube, options, 'pending-install', { at: new Date() });
        return options;
      },
      uninstalling: async () => inState('uninstalling', await installed()),
      superseded: async () => inState('superseded', await installed()),
      "a stranger's": () => strangers(),
      "a stranger's, with --adopt": () => strangers({ adopt: true }),
      "a stranger's and pending, with --adopt": async () =>
        inState('pending-upgrade', await strangers({ adopt: true })),
      "another environment's, with --adopt": async () => ({
        ...(await installed(fresh({ environment: 'other', consent: 'existing-cluster' }))),
        environment: 'demo',
        adopt: true,
      }),
      'its record is damaged': async () => {
        const options = await installed();
        const record = await recordOf(server.kube, options);
        await putRecord(server.kube, options.namespace, { ...record, data: { release: 'AAAA' } });
        return options;
      },
    };

    it('are those of the page', () => {
      expect(rows.map(({ found }) => found)).toEqual(Object.keys(states));
    });

    it.each(rows)('$found → $does', async ({ found = '', does = '' }) => {
      const options = await states[found]?.();
      if (!options) throw new Error(`There is no test for "${found}".`);
      const before = await recordOf(server.kube, options).catch(() => undefined);
      const done = await reconcileRelease(options).catch((error: unknown) => {
        if (isTracewrightError(error)) return error;
        throw error;
      });
      if (isTracewrightError(done)) {
        expect(`refuse ${done.type}`).toBe(does);
        expect(done.retryable).toBe(false);
        expect(await recordOf(server.kube, options), 'untouched').toEqual(before);
        return;
      }
      expect(done.actions.map((kind) => words[kind]).join(', ') || 'nothing').toBe(does);
      const { namespace, name, values } = options;
      expect(await observeRelease(server.kube, options)).toMatchObject({ status: 'deployed', values });
      const place = { apiVersion: 'v1', kind: 'ConfigMap', name: `${name}-config`, namespace };
      expect((await readObject(server.kube, place))?.data).toEqual(values);
      if (done.actions.every((kind) => ['put-back', 'restart'].includes(kind)))
        expect(await recordOf(server.kube, options), 'no new revision').toEqual(before);
      expect(await reconcileRelease(options), 'a second time').toMatchObject({ actions: [] });
    });
  });
});
