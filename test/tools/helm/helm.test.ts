import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chartFingerprint } from '../../../src/tools/helm/fingerprint.js';
import { helmFailure } from '../../../src/tools/helm/failure.js';
import { createHelm, type Helm } from '../../../src/tools/helm/helm.js';
import { TracewrightError } from '../../../src/domain/failure.js';
import { freePorts } from '../../support/api-server.js';
import { writeChart } from '../../support/chart.js';
import { testHelms } from '../../support/helm.js';

let folder: string;
let chartPath: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tracewright-helm-'));
  chartPath = await writeChart(join(folder, 'chart'));
});
afterAll(() => rm(folder, { recursive: true }));

const release = { namespace: 'space', name: 'demo' };

describe.each(testHelms)('helm $version', ({ binary, version }) => {
  let helm: Helm;
  let repository: Server;
  let answer: { status: number; body: string | undefined };
  beforeAll(async () => {
    const [port] = await freePorts(1);
    const kubeconfigPath = join(folder, 'kubeconfig');
    const config = {
      clusters: [{ name: 'a', cluster: { server: `https://127.0.0.1:${String(port)}` } }],
      users: [{ name: 'a', user: {} }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      'current-context': 'a',
    };
    await writeFile(kubeconfigPath, JSON.stringify(config));
    helm = createHelm({ binary, homeDir: join(folder, 'home', version), kubeconfigPath });
    repository = createServer((_request, response) => {
      response.writeHead(answer.status);
      if (answer.body !== undefined) response.end(answer.body);
    }).listen(0, '127.0.0.1');
    await once(repository, 'listening');
  });
  afterAll(() => {
    repository.closeAllConnections();
    repository.close();
  });

  it('tells its version and that of a chart', async () => {
    expect(await helm.version()).toBe(version);
    expect(await helm.showChart(chartPath)).toEqual({ name: 'demo', version: '1.2.3' });
  });

  it('renders with the values of its standard input, without a cluster', async () => {
    const text = await helm.template({ ...release, chartPath, values: { text: 'a "b" ü' } });
    expect(text).toContain('name: demo-config');
    expect(text).toContain('text: "a \\"b\\" ü"');
  });

  it('keeps to its own home folder', async () => {
    await helm.template({ ...release, chartPath, values: {} });
    expect(await readdir(join(folder, 'home', version))).toContain('space.demo');
  });

  it.each([
    {
      what: 'a chart that does not exist',
      run: (it: Helm) => it.showChart('/nowhere/chart'),
      type: 'chart.not-found',
      retryable: false,
    },
    {
      what: 'a folder that is no chart',
      run: (it: Helm) => it.showChart(folder),
      type: 'chart.not-found',
      retryable: false,
    },
    {
      what: 'a cluster that does not answer',
      run: (it: Helm) =>
        it.upgradeInstall({ ...release, chartPath, values: {}, labels: {}, timeoutMs: 1_000 }),
      type: 'cluster.unreachable',
      retryable: true,
    },
    {
      what: 'an uninstall without the cluster',
      run: (it: Helm) => it.uninstall({ ...release, timeoutMs: 1_000 }),
      type: 'cluster.unreachable',
      retryable: true,
    },
  ])('names $what', async ({ run, type, retryable }) => {
    await expect(run(helm)).rejects.toMatchObject({ type, retryable });
  });

  it.each([
    { what: 'is not there', status: 404, body: '', type: 'chart.unavailable' },
    { what: 'is ill', status: 500, body: '', type: 'chart.unavailable' },
    { what: 'limits its rate', status: 429, body: '', type: 'chart.unavailable' },
    { what: 'lacks the chart', status: 200, body: 'apiVersion: v1\nentries: {}\n', type: 'chart.not-found' },
    {
      what: 'lacks the version',
      status: 200,
      body: 'apiVersion: v1\nentries:\n  demo:\n    - { apiVersion: v2, name: demo, version: 2.0.0, urls: [demo.tgz] }\n',
      type: 'chart.not-found',
    },
  ])('tells a repository that $what', async ({ status, body, type }) => {
    answer = { status, body };
    const url = `http://127.0.0.1:${String((repository.address() as { port: number }).port)}/${String(status)}-${type}-${String(body.length)}`;
    await expect(
      helm.pull({ repository: url, name: 'demo', version: '1.0.0' }, folder),
    ).rejects.toMatchObject({ type });
  });

  it('does not wait for ever for a repository that hangs', async () => {
    answer = { status: 200, body: undefined };
    const url = `http://127.0.0.1:${String((repository.address() as { port: number }).port)}/hangs`;
    const signal = AbortSignal.timeout(500);
    await expect(
      helm.pull({ repository: url, name: 'demo', version: '1.0.0' }, folder, { signal }),
    ).rejects.toMatchObject({ type: 'tool.cancelled' });
  });
});

describe('a helm that is not there', () => {
  it('is named with what to install', async () => {
    const helm = createHelm({
      binary: '/nowhere/helm',
      homeDir: join(folder, 'home'),
      kubeconfigPath: '/nowhere',
    });
    await expect(helm.version()).rejects.toMatchObject({
      type: 'tool.missing',
      remedy: 'Install helm 3.13 or later.',
    });
    await expect(access('/nowhere')).rejects.toThrow();
  });
});

describe("helm's words", () => {
  it.each([
    [
      'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress',
      'release.locked',
      true,
    ],
    [
      'Error: Unable to continue with install: ConfigMap "x" in namespace "y" exists and cannot be imported into the current release: invalid ownership metadata',
      'manifest.foreign',
      false,
    ],
    [
      'Error: failed post-install: 1 error occurred:\n\t* timed out waiting for the condition',
      'release.failed',
      true,
    ],
    [
      "Error: values don't meet the specifications of the schema(s) in the following chart(s):\ndemo:\n- text: Invalid type",
      'chart.unrenderable',
      false,
    ],
    [
      'Error: UPGRADE FAILED: template: app/templates/_helpers.tpl:1:2: executing "x" at <include "y" .>: error calling include: connection refused',
      'chart.unrenderable',
      false,
    ],
    [
      'Error: INSTALLATION FAILED: parse error at (app/templates/service.yaml:8): unexpected EOF',
      'chart.unrenderable',
      false,
    ],
    [
      'Error: UPGRADE FAILED: Get "https://127.0.0.1:6443/api/v1/namespaces/x/secrets": unexpected EOF',
      'cluster.unreachable',
      true,
    ],
    [
      'Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: Get "https://127.0.0.1:6443/apis/apps/v1": dial tcp 127.0.0.1:6443: connect: connection refused',
      'cluster.unreachable',
      true,
    ],
    [
      'Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: resource mapping not found for name: "app" namespace: "" from "": no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"\nensure CRDs are installed first',
      'manifest.unknown-kind',
      true,
    ],
    [
      'Error: UPGRADE FAILED: create: failed to create: Secret "sh.helm.release.v1.quirk.v1" is invalid: data: Too long: must have at most 1048576 bytes',
      'chart.too-large',
      false,
    ],
    [
      'Error: chart requires kubeVersion: >=1.99.0 which is incompatible with Kubernetes v1.34.6-eks-bbe087e',
      'chart.incompatible',
      false,
    ],
    [
      'Error: INSTALLATION FAILED: 1 error occurred:\n\t* Internal error occurred: failed calling webhook "webhook.cert-manager.io": failed to call webhook: Post "https://cert-manager-webhook.cert-manager.svc:443/mutate?timeout=10s": dial tcp 10.96.0.1:443: connect: connection refused',
      'webhook.unavailable',
      true,
    ],
    [
      'Error: INSTALLATION FAILED: failed calling webhook "w.dev": failed to call webhook: Post "https://w.x.svc:443/": service "w" not found',
      'webhook.unavailable',
      false,
    ],
    ['Error: something entirely new', 'release.failed', true],
  ] as const)('%s', (text, type, retryable) => {
    const failed = new TracewrightError({
      type: 'tool.failed',
      message: 'x',
      remedy: 'y',
      evidence: text.split('\n'),
    });
    expect(helmFailure(failed, ['upgrade', 'demo'])).toMatchObject({
      type,
      retryable,
      evidence: text.split('\n'),
    });
  });

  // As people have reported them.
  it.each([
    {
      what: 'a forgotten end',
      template: '{{- if .Values.on }}\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n',
      type: 'chart.unrenderable',
      message: 'unexpected EOF',
    },
    {
      what: 'a value below one that is not there',
      template: 'data: { bucket: {{ .Values.storage.s3.bucket }} }\n',
      type: 'chart.unrenderable',
      message: '.Values.storage.s3.bucket',
    },
    {
      what: 'YAML that is none',
      template: 'a: [\n',
      type: 'chart.unrenderable',
      message: 'templates/quirk.yaml',
    },
    {
      what: 'another Kubernetes',
      template: '',
      metadata: 'kubeVersion: ">=1.99.0"\n',
      type: 'chart.incompatible',
      message: '>=1.99.0',
    },
  ])("of a chart with $what are the chart's own, and not tried again", async (quirk) => {
    const { what, template, metadata = '', type, message } = quirk;
    const quirky = await writeChart(join(folder, what.replaceAll(' ', '-')), {
      files: {
        'Chart.yaml': `apiVersion: v2\nname: quirk\nversion: 1.0.0\n${metadata}`,
        'values.yaml': 'storage: {}\n',
        'templates/quirk.yaml': template,
      },
    });
    const [{ binary } = { binary: '' }] = testHelms;
    const helm = createHelm({ binary, homeDir: join(folder, 'home'), kubeconfigPath: '/nowhere' });
    const rendering = helm.template({ name: 'quirk', namespace: 'x', chartPath: quirky, values: {} });
    await expect(rendering).rejects.toMatchObject({
      type,
      retryable: false,
      message: expect.stringContaining(message) as string,
    });
  });

  it('leaves the failures of running it alone', () => {
    const cancelled = new TracewrightError({ type: 'tool.cancelled', message: 'x', remedy: 'y' });
    expect(helmFailure(cancelled, ['upgrade'])).toBe(cancelled);
  });
});

describe('the fingerprint', () => {
  it('follows contents and values, not times, modes or the order of keys', async () => {
    const copy = await writeChart(join(folder, 'copy'));
    const of = chartFingerprint;
    const first = await of(chartPath, { a: 1, b: { c: 2, d: 3 } });
    expect(first).toMatch(/^[0-9a-f]{40}$/u);
    expect(await of(copy, { b: { d: 3, c: 2 }, a: 1 })).toBe(first);
    expect(await of(copy, { a: 1, b: { c: 2, d: 4 } })).not.toBe(first);
    await writeFile(join(copy, 'templates', 'extra.yaml'), '');
    expect(await of(copy, { a: 1, b: { c: 2, d: 3 } })).not.toBe(first);
    await expect(of(join(folder, 'nowhere'), {})).rejects.toMatchObject({ type: 'chart.not-found' });
  });
});
