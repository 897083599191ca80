import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanPreview, StepPreview } from '../../src/domain/preview.js';
import { createHelm } from '../../src/tools/helm/helm.js';
import { reconcileRelease } from '../../src/tools/helm/reconcile.js';
import { applyObjects } from '../../src/tools/kubernetes/apply.js';
import { cli, type CliRun } from '../cli/support.js';
import { missingApiServer, startApiServer, type ApiServer } from '../support/api-server.js';
import { sharedCacheDir } from '../support/cache.js';
import { writeChart } from '../support/chart.js';
import { testFolder } from '../support/folder.js';
import { testHelms } from '../support/helm.js';
import { tutorialShapedStack } from '../support/stack.js';
import { versionsOfAll } from './versions.js';

const secretTemplate = `apiVersion: v1
kind: Secret
metadata:
  name: login
stringData:
  password: {{ .Values.text | quote }}
  user: admin
`;

const settings = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data: { colour: 'blue' },
};

describe.skipIf(missingApiServer)(`plan ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let folder: string;
  let stackFile: string;
  beforeAll(async () => {
    server = await startApiServer();
    folder = join(server.folder, 'plan');
    await writeChart(join(folder, 'chart'), { files: { 'templates/login.yaml': secretTemplate } });
    stackFile = join(folder, 'mine.yaml');
    await writeFile(stackFile, stringify(mine()));
  });
  afterAll(() => server.stop());

  /** A release and an object; the rest of a stack that nobody asks here. */
  function mine(): Record<string, unknown> {
    return {
      ...tutorialShapedStack(),
      name: 'mine',
      targets: ['kubeconfig'],
      components: {
        web: {
          release: { namespace: 'demo', chart: { path: join(folder, 'chart') }, values: { text: 'first' } },
          ready: [{ rollout: 'Deployment/none' }],
        },
        settings: {
          manifests: { namespace: 'demo', objects: [settings] },
          ready: [{ rollout: 'Deployment/none' }],
        },
      },
    };
  }

  const run = (...args: string[]): Promise<CliRun> =>
    cli(folder, ['plan', '--kubeconfig', server.kubeconfigPath, ...args], {
      env: { TRACEWRIGHT_CACHE_DIR: sharedCacheDir },
    });
  const steps = async (...args: string[]): Promise<Record<string, StepPreview>> => {
    const { stdout, errors } = await run('--json', ...args);
    expect(stdout, errors.join('\n')).toMatch(/^\{/u);
    const plan = JSON.parse(stdout) as PlanPreview;
    return Object.fromEntries(plan.steps.map((step) => [step.name, step]));
  };
  const install = async (environment = 'mine'): Promise<void> => {
    const { kube } = server;
    const helm = createHelm({
      binary: testHelms[0]?.binary ?? '',
      homeDir: join(folder, 'helm'),
      kubeconfigPath: server.kubeconfigPath,
    });
    await reconcileRelease({
      kube,
      helm,
      name: 'web',
      namespace: 'demo',
      chartPath: join(folder, 'chart'),
      values: { text: 'first' },
      environment,
      component: 'web',
      consent: 'existing-cluster',
    });
    const owner = { environment, component: 'settings' };
    await applyObjects(kube, { objects: [settings], namespace: 'demo', owner });
  };

  it('lists every step of the tutorial with its pinned version, also where no chart can be had, and changes nothing', async () => {
    const before = await versionsOfAll(server.kube);
    const { exitCode, stdout } = await run('--stack', 'tutorial', '--charts-from', 'http://127.0.0.1:1');
    expect(exitCode).toBe(1);
    const lines = stdout.split('\n').filter((line) => /^ {2}\S/u.test(line));
    expect(lines.map((line) => line.trim().replace(/\s+/gu, ' '))).toEqual([
      expect.stringMatching(/^= cluster Kubernetes v1\./u),
      '? tempo tempo 1.0.0 · namespace tracing',
      '? prometheus-stack kube-prometheus-stack 45.4.0 · namespace monitoring',
      '? cert-manager cert-manager v1.10.1 · namespace cert-manager',
      '? operator opentelemetry-operator 0.24.0 · namespace otel-system',
      '+ collector namespace otel-system',
      '+ hotrod jaegertracing/example-hotrod:1.42.0 · namespace default',
      expect.stringMatching(/^> verification a ride for Rachel's Floral Designs/u),
    ]);
    expect(stdout.match(/\[chart\.unavailable\]/gu)).toHaveLength(4);
    expect(await versionsOfAll(server.kube)).toEqual(before);
  });

  it('of what is not there: all of it is created, with its objects', async () => {
    const { web, settings: objects } = await steps('--stack', stackFile);
    expect(web).toMatchObject({ action: 'create', what: 'demo 1.2.3', namespace: 'demo' });
    expect(web?.objects?.map(({ kind, name, change }) => `${change} ${kind}/${name}`)).toEqual([
      'create Secret/login',
      'create ConfigMap/web-config',
    ]);
    expect(objects).toMatchObject({ action: 'create' });
    expect(JSON.stringify(web)).toContain('(hidden)');
    expect(JSON.stringify(web?.objects?.[0])).not.toContain('first');
  });

  describe('of what is installed', () => {
    beforeAll(() => install());

    it('nothing, when it is as it should be', async () => {
      const found = await steps('--stack', stackFile);
      expect(found['web']).toMatchObject({ action: 'none', detail: 'revision 1' });
      expect(found['settings']).toMatchObject({ action: 'none', objects: [] });
      const { exitCode, stdout } = await run('--stack', stackFile);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('4 steps: 3 as it should be, 1 to run.');
    });

    it('shows what becomes other, as the API server says it, without what is secret, and changes nothing', async () => {
      const before = await versionsOfAll(server.kube);
      const changes = ['--set', 'web.values.text=second', '--set', 'settings.objects[0].data.colour=red'];
      const { exitCode, stdout } = await run('--stack', stackFile, '--diff', ...changes);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/~ web +demo 1\.2\.3 · namespace demo · values/u);
      expect(stdout).toContain('~ ConfigMap demo/web-config');
      expect(stdout).toMatch(/- {2}text: first\n +\+ {2}text: second/u);
      expect(stdout).toMatch(/- {2}colour: blue\n +\+ {2}colour: red/u);
      expect(stdout).toMatch(/- {2}password: \(hidden\)\n +\+ {2}password: \(hidden, another one\)/u);
      for (const secret of ['first', 'second'])
        expect(stdout).not.toContain(Buffer.from(secret).toString('base64'));
      expect(await versionsOfAll(server.kube)).toEqual(before);
    });

    it('names what the new rendering no longer has', async () => {
      await writeChart(join(folder, 'smaller'), { version: '2.0.0' });
      const stack = mine();
      const web = (stack['components'] as Record<string, { release: { chart: unknown } }>)['web'];
      if (web) web.release.chart = { path: join(folder, 'smaller') };
      const smaller = join(folder, 'smaller.yaml');
      await writeFile(smaller, stringify(stack));
      const found = await steps('--stack', smaller);
      expect(found['web']).toMatchObject({ action: 'change', detail: 'version 1.2.3 → 2.0.0' });
      expect(found['web']?.objects).toEqual([
        { kind: 'Secret', namespace: 'demo', name: 'login', change: 'remove' },
      ]);
    });

    it('tells at each step what another environment has there, and goes on with the others', async () => {
      const found = await steps('--stack', stackFile, '--name', 'other');
      expect(found['cluster']).toMatchObject({ action: 'none' });
      expect(found['web']).toMatchObject({ action: 'refuse', failure: { type: 'release.foreign' } });
      expect(found['settings']).toMatchObject({ action: 'refuse', failure: { type: 'manifest.foreign' } });
      expect((await run('--stack', stackFile, '--name', 'other')).exitCode).toBe(1);
    });
  });

  it('says what the user of the cluster may not do', async () => {
    const { exitCode, stdout } = await cli(folder, [
      'plan',
      '--kubeconfig',
      server.visitorKubeconfigPath,
      '--stack',
      stackFile,
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('[cluster.forbidden]');
  });
});

it('of a cluster that is not there yet: it is created, and all in it', async () => {
  const folder = await testFolder();
  const { stdout, errors } = await cli(
    folder,
    ['plan', '--stack', 'embedded', '--target', 'embedded', '--json'],
    {
      env: { TRACEWRIGHT_CACHE_DIR: sharedCacheDir },
    },
  );
  expect(stdout, errors.join('\n')).toMatch(/^\{/u);
  const { steps } = JSON.parse(stdout) as PlanPreview;
  expect(steps.map(({ name }) => name)).toEqual([
    'cluster',
    'trace-store',
    'prometheus-stack',
    'cert-manager',
    'operator',
    'collector',
    'hotrod',
    'verification',
  ]);
  expect(steps.find(({ name }) => name === 'hotrod')).toMatchObject({ action: 'create' });
});
