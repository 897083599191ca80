import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownershipLabels } from '../../../src/domain/names.js';
import { createHelm, type Helm } from '../../../src/tools/helm/helm.js';
import { reconcileRelease, type ReconcileOptions } from '../../../src/tools/helm/reconcile.js';
import { observeRelease } from '../../../src/tools/helm/release-record.js';
import { removeRelease } from '../../../src/tools/helm/remove.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { readObject } from '../../../src/tools/kubernetes/observe.js';
import { deleteDefinitions } from '../../../src/tools/kubernetes/teardown.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition, writeChart } from '../../support/chart.js';
import { testHelms } from '../../support/helm.js';
import { onStart } from '../../support/owner.js';
import { freshRelease } from '../../support/releases.js';

const hook = `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-check
  annotations: { helm.sh/hook: post-install, helm.sh/hook-delete-policy: before-hook-creation }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: check, image: example.invalid/check:1 }]
`;

describe.skipIf(missingApiServer)(`reconciling a release ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let folder: string;
  let plain: string;
  let hooked: string;
  let withDefinitions: string;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
    folder = join(server.folder, 'charts');
    plain = await writeChart(join(folder, 'plain'));
    hooked = await writeChart(join(folder, 'hooked'), { files: { 'templates/hook.yaml': hook } });
    withDefinitions = await writeChart(join(folder, 'definitions'), {
      files: {
        'crds/all.yaml': `${definition('things', 'Thing')}---\n${definition('widgets', 'Widget')}`,
        'templates/kept.yaml': definition(
          'gadgets',
          'Gadget',
          'demo.tracewright.dev',
          '  annotations: { helm.sh/resource-policy: keep }\n',
        ),
      },
    });
  });
  afterAll(() => server.stop());

  describe.each(testHelms)('with helm $version', ({ binary, version }) => {
    let helm: Helm;
    beforeAll(() => {
      helm = createHelm({
        binary,
        homeDir: join(server.folder, 'helm', version),
        kubeconfigPath: server.kubeconfigPath,
      });
    });

    const fresh = (changes: Partial<ReconcileOptions> = {}): ReconcileOptions =>
      freshRelease({ kube: server.kube, helm, chartPath: plain, ...changes });

    it('installs, and a second time does nothing', async () => {
      const options = fresh();
      expect(await reconcileRelease(options)).toMatchObject({
        state: 'absent',
        actions: ['install'],
        revision: 1,
      });
      expect(await reconcileRelease(options)).toMatchObject({ state: 'in-sync', actions: [], revision: 1 });
      const record = await observeRelease(server.kube, options);
      expect(record).toMatchObject({
        status: 'deployed',
        chart: { name: 'demo', version: '1.2.3' },
        values: { text: 'one' },
        labels: { [ownershipLabels.environment]: 'demo', [ownershipLabels.component]: 'plain' },
        history: [{ revision: 1, status: 'deployed' }],
      });
      expect(record?.manifest).toContain('kind: ConfigMap');
    });

    it('upgrades when values, version or contents of the chart differ', async () => {
      const chartPath = await writeChart(join(folder, `changing-${version}`));
      const options = fresh({ chartPath });
      await reconcileRelease(options);
      expect(await reconcileRelease({ ...options, values: { text: 'two' } })).toMatchObject({
        state: 'out-of-sync',
        actions: ['upgrade'],
        revision: 2,
      });
      await writeChart(chartPath, {
        files: { 'templates/more.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more }\n' },
      });
      expect(await reconcileRelease({ ...options, values: { text: 'two' } })).toMatchObject({
        actions: ['upgrade'],
        revision: 3,
      });
      await writeChart(chartPath, { version: '1.3.0' });
      expect(await reconcileRelease({ ...options, values: { text: 'two' } })).toMatchObject({
        actions: ['upgrade'],
        revision: 4,
      });
      expect(await reconcileRelease({ ...options, values: { text: 'two' } })).toMatchObject({
        actions: [],
        revision: 4,
      });
    });

    it('finds odd values unchanged', async () => {
      const values = {
        nothing: null,
        deep: { a: null, list: [1, 'zwei', { drei: 3.5 }], empty: {}, none: [] },
        big: 12345678901,
        tiny: 1e-7,
        huge: 1e21,
        text: 'a: "b"\n# ü 中',
        yes: 'yes',
        when: '2026-01-01',
      };
      const options = fresh({ values });
      await reconcileRelease(options);
      expect(await reconcileRelease(options)).toMatchObject({ state: 'in-sync', actions: [], revision: 1 });
    });

    it('refuses a release that it did not make, and takes it over only when told to', async () => {
      const options = fresh({ consent: 'existing-cluster' });
      execFileSync(binary, [
        'install',
        options.name,
        plain,
        '-n',
        options.namespace,
        '--create-namespace',
        '--kubeconfig',
        server.kubeconfigPath,
        '--set',
        'text=theirs',
      ]);
      await expect(reconcileRelease(options)).rejects.toMatchObject({
        type: 'release.foreign',
        retryable: false,
      });
      expect(await observeRelease(server.kube, options)).toMatchObject({
        revision: 1,
        values: { text: 'theirs' },
      });
      expect(await removeRelease(options)).toMatchObject({ outcome: 'foreign', definitions: [] });
      expect(await observeRelease(server.kube, options)).toMatchObject({ revision: 1 });

      expect(await reconcileRelease({ ...options, adopt: true })).toMatchObject({
        state: 'foreign',
        actions: ['upgrade'],
        revision: 2,
      });
      expect(await reconcileRelease(options)).toMatchObject({ state: 'in-sync', actions: [], revision: 2 });
      const namespace = await readObject(server.kube, {
        apiVersion: 'v1',
        kind: 'Namespace',
        name: options.namespace,
      });
      expect(namespace?.metadata.labels, 'a namespace of somebody else stays theirs').not.toHaveProperty([
        ownershipLabels.environment,
      ]);
    });

    it('survives kill -9 of helm in a hook, and runs the hook again', async () => {
      const options = fresh({ chartPath: hooked });
      const progress: string[] = [];
      let pid = 0;
      const first = reconcileRelease({
        ...options,
        onProgress(text) {
          progress.push(text);
          if (text.includes('is running')) process.kill(pid, 'SIGKILL');
        },
        call: { owner: onStart((identity) => (pid = identity.pid)) },
      });
      await expect(first).rejects.toMatchObject({ type: 'release.failed' });
      expect(progress).toContain(`hook ${options.name}-check is running`);
      expect(await observeRelease(server.kube, options)).toMatchObject({
        status: 'pending-install',
        revision: 1,
      });

      const second = reconcileRelease({
        ...options,
        onProgress(text) {
          if (text.includes('is running')) void completeJob(options);
        },
      });
      expect(await second).toMatchObject({
        state: 'pending-install',
        actions: ['uninstall-then-install', 'install'],
        revision: 1,
      });
    });

    it('ends helm within 3 s when cancelled, which leaves a failed release, not a locked one', async () => {
      const options = fresh({ chartPath: hooked });
      const abort = new AbortController();
      let abortedAt = 0;
      const running = reconcileRelease({
        ...options,
        onProgress(text) {
          if (!text.includes('is running')) return;
          abortedAt = Date.now();
          abort.abort();
        },
        call: { signal: abort.signal },
      });
      await expect(running).rejects.toMatchObject({ type: 'tool.cancelled' });
      expect(Date.now() - abortedAt).toBeLessThan(3_000);
      expect(await observeRelease(server.kube, options)).toMatchObject({ status: 'failed' });
    });

    it('says within seconds that the image of a hook cannot be pulled', async () => {
      const options = fresh({ chartPath: hooked });
      let since = 0;
      const running = reconcileRelease({
        ...options,
        onProgress(text) {
          if (!text.includes('is running') || since > 0) return;
          since = Date.now();
          void failImagePull(options);
        },
      });
      await expect(running).rejects.toMatchObject({
        type: 'ready.image-pull',
        message: expect.stringContaining('example.invalid/check:1') as string,
      });
      expect(Date.now() - since).toBeLessThan(10_000);
    });

    it('keeps values out of arguments, log and errors', async () => {
      const broken = await writeChart(join(folder, `broken-${version}`), {
        files: { 'templates/broken.yaml': '{{ fail "no good" }}' },
      });
      const options = fresh({ chartPath: broken, values: { text: 'swordfish' } });
      const logFile = join(server.folder, `${options.name}.log`);
      let argumentsSeen = '';
      const running = reconcileRelease({
        ...options,
        call: {
          logFile,
          owner: onStart(
            ({ pid }) =>
              void readFile(`/proc/${String(pid)}/cmdline`, 'utf8').then(
                (text) => (argumentsSeen = text),
                () => undefined,
              ),
          ),
        },
      });
      const error = await running.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({
        type: 'release.failed',
        retryable: false,
        evidence: expect.arrayContaining([expect.stringContaining('no good')]) as string[],
      });
      expect(JSON.stringify(error)).not.toContain('swordfish');
      expect(argumentsSeen).toContain('upgrade');
      expect(argumentsSeen).not.toContain('swordfish');
      expect(await readFile(logFile, 'utf8')).not.toContain('swordfish');
    });

    it('installs several releases at once', async () => {
      const all = await Promise.all([fresh(), fresh(), fresh(), fresh()].map(reconcileRelease));
      expect(all.map(({ revision }) => revision)).toEqual([1, 1, 1, 1]);
    });

    it('removes the release, names its definitions, and deletes them unless somebody uses them', async () => {
      const options = fresh({ chartPath: withDefinitions, component: `defs-${version}` });
      await reconcileRelease(options);
      const removed = await removeRelease(options);
      const names = ['gadgets', 'things', 'widgets'].map((plural) => `${plural}.demo.tracewright.dev`);
      expect(removed).toEqual({ outcome: 'removed', definitions: names });
      expect(await observeRelease(server.kube, options)).toBeUndefined();
      await applyObjects(server.kube, {
        objects: [{ apiVersion: 'demo.tracewright.dev/v1', kind: 'Thing', metadata: { name: 'theirs' } }],
        namespace: options.namespace,
        owner: { environment: 'somebody-else' },
      });
      expect(await deleteDefinitions(server.kube, names)).toEqual({
        deleted: ['gadgets.demo.tracewright.dev', 'widgets.demo.tracewright.dev'],
        kept: [
          {
            name: 'things.demo.tracewright.dev',
            reason: `objects of its kind remain: ${options.namespace}/theirs`,
          },
        ],
      });
      expect(await removeRelease(options)).toEqual({
        outcome: 'absent',
        definitions: ['things.demo.tracewright.dev'],
      });
      await server.kube.json({
        method: 'DELETE',
        path: `/apis/demo.tracewright.dev/v1/namespaces/${options.namespace}/things/theirs`,
      });
      expect(await deleteDefinitions(server.kube, ['things.demo.tracewright.dev'])).toMatchObject({
        kept: [],
      });
    });
  });

  async function completeJob({ namespace, name }: ReconcileOptions): Promise<void> {
    const time = new Date().toISOString().replace(/\.\d+Z/u, 'Z');
    await patchPods(namespace, {
      phase: 'Succeeded',
      containerStatuses: [status(name, { terminated: { exitCode: 0, finishedAt: time, startedAt: time } })],
    });
  }

  async function failImagePull({ namespace, name }: ReconcileOptions): Promise<void> {
    const message =
      'Back-off pulling image "example.invalid/check:1": ErrImagePull: failed to resolve reference "example.invalid/check:1": not found';
    await patchPods(namespace, {
      phase: 'Pending',
      containerStatuses: [status(name, { waiting: { reason: 'ImagePullBackOff', message } })],
    });
  }

  function status(_name: string, state: unknown): unknown {
    return {
      name: 'check',
      image: 'example.invalid/check:1',
      imageID: '',
      ready: false,
      restartCount: 0,
      state,
    };
  }

  /** What a kubelet would report. */
  async function patchPods(namespace: string, status: unknown): Promise<void> {
    for (let tries = 0; tries < 50; tries += 1) {
      const { items } = await server.kube.json<{ items: { metadata: { name: string } }[] }>({
        path: `/api/v1/namespaces/${namespace}/pods`,
      });
      for (const { metadata } of items) {
        await server.kube.json({
          method: 'PATCH',
          path: `/api/v1/namespaces/${namespace}/pods/${metadata.name}/status`,
          headers: { 'content-type': 'application/merge-patch+json' },
          body: JSON.stringify({ status }),
        });
      }
      if (items.length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no pod in ${namespace}`);
  }
});
