import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lock } from '../../src/cli/commands/lock.js';
import { sourcedStack } from '../../src/cli/stack-sources.js';
import { loadConfig } from '../../src/config.js';
import type { CliContext } from '../../src/cli/context.js';
import type { Stack } from '../../src/domain/stack.js';
import { parseAssignment } from '../../src/cli/parameters/read.js';
import { loadStack, parameterizedStack } from '../../src/stack-file.js';
import { locateChart } from '../../src/tools/helm/chart-source.js';
import { createHelm } from '../../src/tools/helm/helm.js';
import { sharedCacheDir } from '../support/cache.js';
import { writeChart } from '../support/chart.js';
import { startChartServer, digestOf, type ChartServer } from '../support/chart-server.js';
import { testHelms } from '../support/helm.js';
import { proofText } from '../support/proof-text.js';
import { startImageRegistry, type ImageRegistry } from '../support/image-registry.js';

let folder: string;
let charts: ChartServer;
let images: ImageRegistry;
let printed: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tracewright-lock-test-'));
  charts = await startChartServer();
  images = await startImageRegistry();
  printed = [];
  charts.publish({ name: 'demo', version: '1.2.3', archive: await pack('first') });
  images.publish('of/chart', '1', 'chart');
  images.publish('of/manifest', '1', 'manifest');
  await writeFile(join(folder, 'mine.yaml'), stackText());
});
afterEach(async () => {
  charts.close();
  images.close();
  await rm(folder, { recursive: true });
});

async function pack(place: string, image = `${images.host}/of/chart:1`): Promise<Buffer> {
  const parent = join(folder, place);
  const pod = `apiVersion: v1\nkind: Pod\nmetadata: { name: ${place} }\nspec: { containers: [{ name: it, image: '${image}' }] }\n`;
  await writeChart(join(parent, 'demo'), { files: { 'templates/pod.yaml': pod } });
  execFileSync('tar', ['-czf', join(parent, 'demo.tgz'), '-C', parent, 'demo']);
  return readFile(join(parent, 'demo.tgz'));
}

function stackText(): string {
  return `name: mine
description: one release and one pod
targets: [kubeconfig]
components:
  demo:
    release: { namespace: demo, chart: { repository: '${charts.repository}', name: demo, version: 1.2.3 } }
    ready: [{ rollout: Deployment/demo }]
  pod:
    manifests:
      namespace: demo
      objects:
        - { apiVersion: v1, kind: Pod, metadata: { name: pod }, spec: { containers: [{ name: it, image: '${images.host}/of/manifest:1' }] } }
    ready: [{ rollout: Deployment/demo }]${proofText('demo')}`;
}

function context(): CliContext {
  const { signal } = new AbortController();
  return {
    config: { ...loadConfig(), cacheDir: sharedCacheDir },
    version: '0.0.0',
    print: (line) => printed.push(line),
    note: () => undefined,
    paint: (_, text) => text,
    terminal: undefined,
    columns: 80,
    signal,
    interrupted: signal,
  };
}

const stackPath = (): string => join(folder, 'mine.yaml');
const lockText = (): Promise<string> => readFile(join(folder, 'mine.lock.json'), 'utf8');
const sourced = async (): Promise<Stack> =>
  sourcedStack(await loadStack(stackPath(), { builtInDir: folder }), 'kubeconfig', {});

it('writes the digest of an image that only an object names, where there are no charts', async () => {
  await writeFile(stackPath(), stackText().replace(/^ {2}demo:\n(?: {4}.*\n)+/mu, ''));
  expect(await lock(context(), { stack: stackPath() })).toBe(0);
  expect(JSON.parse(await lockText())).toMatchObject({
    charts: {},
    images: { [`${images.host}/of/manifest:1`]: images.publish('of/manifest', '1', 'manifest') },
  });
});

it('writes the digests of charts and images beside the stack, the same each time', async () => {
  expect(await lock(context(), { stack: stackPath() })).toBe(0);
  const first = await lockText();
  expect(JSON.parse(first)).toEqual({
    version: 1,
    stack: 'mine',
    charts: {
      demo: {
        source: `demo 1.2.3 of ${charts.repository}`,
        digest: digestOf(await readFile(join(folder, 'first', 'demo.tgz'))),
      },
    },
    images: {
      [`${images.host}/of/chart:1`]: images.publish('of/chart', '1', 'chart'),
      [`${images.host}/of/manifest:1`]: images.publish('of/manifest', '1', 'manifest'),
    },
  });
  await lock(context(), { stack: stackPath() });
  expect(await lockText()).toBe(first);
});

it('is what `up` installs: the chart by its digest, images by theirs', async () => {
  await lock(context(), { stack: stackPath() });
  const { demo, pod } = (await sourced()).components;
  expect(demo?.release?.chart).toMatchObject({ digest: expect.stringMatching(/^sha256:/u) as unknown });
  expect(Object.keys(demo?.release?.images?.digests ?? {})).toHaveLength(2);
  expect(JSON.stringify(pod?.manifests)).toMatch(/of\/manifest:1@sha256:[0-9a-f]{64}/u);
});

it('refuses a chart that was published anew, with both digests', async () => {
  await lock(context(), { stack: stackPath() });
  const changed = await pack('second');
  charts.publish({ name: 'demo', version: '1.2.3', archive: changed });
  const { demo } = (await sourced()).components;
  const [{ binary } = { binary: '' }] = testHelms;
  const helm = createHelm({ binary, homeDir: join(folder, 'home'), kubeconfigPath: '/nowhere' });
  const places = { cacheDir: join(folder, 'cache'), embeddedCharts: () => Promise.resolve(undefined) };
  const chart = demo?.release?.chart ?? { path: '' };
  const refused = await locateChart(chart, helm, places, {}).catch((error: unknown) => error);
  expect(refused).toMatchObject({ type: 'lock.mismatch' });
  expect((refused as Error).message).toContain(digestOf(changed));
  expect((refused as Error).message).toContain(digestOf(await readFile(join(folder, 'first', 'demo.tgz'))));
});

it('--check finds a tag that was moved, and leaves the file alone', async () => {
  await lock(context(), { stack: stackPath() });
  expect(await lock(context(), { stack: stackPath(), check: true })).toBe(0);
  const before = await lockText();
  const moved = images.publish('of/chart', '1', 'moved');
  const refused = await lock(context(), { stack: stackPath(), check: true }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ type: 'lock.mismatch' });
  expect((refused as Error).message).toContain(`image ${images.host}/of/chart:1: locked sha256:`);
  expect((refused as Error).message).toContain(`found ${moved}`);
  expect(await lockText()).toBe(before);
});

it('is refused when the stack has moved on, or when it is damaged', async () => {
  await lock(context(), { stack: stackPath() });
  await writeFile(stackPath(), stackText().replace('version: 1.2.3', 'version: 1.2.4'));
  await expect(sourced()).rejects.toMatchObject({ type: 'lock.invalid' });
  await writeFile(stackPath(), stackText().replace('of/manifest:1', 'of/manifest:2'));
  await expect(sourced()).rejects.toMatchObject({ type: 'lock.mismatch' });
  await writeFile(join(folder, 'mine.lock.json'), '{ "version": 1 }');
  await expect(sourced()).rejects.toMatchObject({ type: 'lock.invalid' });
});

describe('with parameters', () => {
  const chartImage = (): string => `demo.values.image=${images.host}/of/chart:2`;
  const podImage = (): string => `pod.objects.Pod/pod.spec.containers[0].image=${images.host}/of/manifest:2`;
  beforeEach(async () => {
    const archive = await pack('valued', `{{ .Values.image | default "${images.host}/of/chart:1" }}`);
    charts.publish({ name: 'demo', version: '1.2.3', archive });
    images.publish('of/chart', '2', 'chart, the next');
    images.publish('of/manifest', '2', 'manifest, the next');
    await lock(context(), { stack: stackPath() });
  });

  /** What `up` does with the images of the stack: those of manifests at once, those of charts as helm renders them. */
  async function installed(): Promise<string> {
    const loaded = await loadStack(stackPath(), { builtInDir: folder });
    const asked = parameterizedStack(
      loaded.stack,
      [chartImage(), podImage()].map((text) => parseAssignment(text)),
    );
    const { demo, pod } = (await sourcedStack({ ...loaded, stack: asked }, 'kubeconfig', {})).components;
    const { binary = '' } = testHelms.find(({ version }) => version.startsWith('v4.')) ?? {};
    const helm = createHelm({
      binary,
      homeDir: join(folder, 'home'),
      kubeconfigPath: '/nowhere',
      images: demo?.release?.images,
    });
    const chartPath = join(folder, 'valued', 'demo.tgz');
    const values = demo?.release?.values ?? {};
    return (
      JSON.stringify(pod) + (await helm.template({ namespace: 'demo', name: 'demo', values, chartPath }))
    );
  }

  it('ends the circle: an image of --set is refused, the remedy locks it, and it is installed', async () => {
    const refused: unknown = await installed().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      type: 'lock.mismatch',
      remedy: expect.stringContaining('--stack, --set and --values of this command') as unknown,
    });
    await lock(context(), { stack: stackPath(), set: [chartImage(), podImage()] });
    expect(await installed()).toMatch(/of\/manifest:2@sha256:.*of\/chart:2@sha256:/su);
  });

  it('keeps them for a later lock and check without any, until it is told to forget', async () => {
    await mkdir(join(folder, 'values'));
    await writeFile(join(folder, 'values', 'demo.yaml'), `image: ${images.host}/of/chart:2\n`);
    const values = [`demo=${relative(process.cwd(), join(folder, 'values', 'demo.yaml'))}`];
    await lock(context(), { stack: stackPath(), values, set: [podImage()] });
    const locked = JSON.parse(await lockText()) as { images: object; parameters: unknown };
    expect(locked.parameters).toEqual({ set: [podImage()], values: ['demo=values/demo.yaml'] });
    expect(Object.keys(locked.images)).toEqual([`${images.host}/of/chart:2`, `${images.host}/of/manifest:2`]);
    expect(await lock(context(), { stack: stackPath(), check: true })).toBe(0);
    await lock(context(), { stack: stackPath(), resetValues: true });
    expect(await lockText()).not.toContain('parameters');
  });

  it('writes no secret down', async () => {
    const set = ['demo.values.adminPassword=hunter22'];
    await expect(lock(context(), { stack: stackPath(), set })).rejects.toMatchObject({
      type: 'usage.invalid',
      message: expect.not.stringContaining('hunter22') as unknown,
    });
    expect(await lockText()).not.toContain('adminPassword');
  });
});

it('is made anew where it is damaged, as its failure says', async () => {
  await writeFile(join(folder, 'mine.lock.json'), '{ "version": 1 }');
  await expect(lock(context(), { stack: stackPath(), check: true })).rejects.toMatchObject({
    type: 'lock.invalid',
  });
  expect(await lock(context(), { stack: stackPath() })).toBe(0);
  expect(await lock(context(), { stack: stackPath(), check: true })).toBe(0);
});

it('is not written when an image is not to be had', async () => {
  images.mischief = 404;
  await expect(lock(context(), { stack: stackPath() })).rejects.toMatchObject({ type: 'image.not-found' });
  await expect(lockText()).rejects.toThrow('ENOENT');
});

it('has nothing to check, and nothing to lock in what is built here', async () => {
  await expect(lock(context(), { stack: stackPath(), check: true })).rejects.toMatchObject({
    type: 'lock.invalid',
  });
  await expect(lock(context(), { stack: 'embedded' })).rejects.toMatchObject({ type: 'usage.invalid' });
});
