import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownershipLabels } from '../../../src/domain/names.js';
import { reconcileRelease, type ReconcileOptions } from '../../../src/tools/helm/reconcile.js';
import { observeRelease } from '../../../src/tools/helm/release-record.js';
import { removeRelease } from '../../../src/tools/helm/removal.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { readObject } from '../../../src/tools/kubernetes/observe.js';
import { removeDefinitions } from '../../../src/tools/kubernetes/removal.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition, writeChart } from '../../support/chart.js';
import { helmOf, testHelms } from '../../support/helm.js';
import { onStart } from '../../support/owner.js';
import { freshRelease } from '../../support/releases.js';

describe.skipIf(missingApiServer)(`reconciling a release ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let folder: string;
  let plain: string;
  let withDefinitions: string;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
    folder = join(server.folder, 'charts');
    plain = await writeChart(join(folder, 'plain'));
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

  describe.each(testHelms)('with helm $version', (testHelm) => {
    const { binary, version } = testHelm;
    const fresh = (changes: Partial<ReconcileOptions> = {}): ReconcileOptions =>
      freshRelease({ kube: server.kube, helm: helmOf(server, testHelm), chartPath: plain, ...changes });

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
        type: 'chart.unrenderable',
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
      expect(await removeDefinitions(server.kube, names)).toEqual({
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
      expect(await removeDefinitions(server.kube, ['things.demo.tracewright.dev'])).toMatchObject({
        kept: [],
      });
    });
  });
});
