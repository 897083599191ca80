import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  builtInStacks,
  embeddedImages,
  withChartsFrom,
  withImagesFrom,
} from '../../src/cli/stack-sources.js';
import type { Stack } from '../../src/domain/stack.js';
import { loadStack } from '../../src/stack-file.js';

let stack: Stack;
let folder: string;
beforeAll(async () => {
  ({ stack } = await loadStack('tutorial', { builtInDir: builtInStacks }));
  folder = await mkdtemp(join(tmpdir(), 'tracewright-sources-'));
});
afterAll(() => rm(folder, { recursive: true }));

const chartsOf = (it: Stack): unknown[] =>
  Object.values(it.components).flatMap(({ release }) => (release ? [release.chart] : []));

describe('--charts-from', () => {
  test('a folder of archives', async () => {
    const names = [
      'tempo-1.0.0.tgz',
      'kube-prometheus-stack-45.4.0.tgz',
      'cert-manager-v1.10.1.tgz',
      'opentelemetry-operator-0.24.0.tgz',
    ];
    await expect(withChartsFrom(stack, folder)).rejects.toMatchObject({
      type: 'chart.not-found',
      remedy: expect.stringContaining('helm pull ') as unknown,
    });
    for (const name of names) await writeFile(join(folder, name), '');
    expect(chartsOf(await withChartsFrom(stack, folder))).toEqual(
      names.map((name) => ({ path: join(folder, name), digest: undefined })),
    );
  });

  test.each([
    ['https://charts.local/', { repository: 'https://charts.local', name: 'tempo', version: '1.0.0' }],
    ['oci://registry.local/charts', { oci: 'oci://registry.local/charts/tempo', version: '1.0.0' }],
  ])('%s', async (from, expected) => {
    expect(chartsOf(await withChartsFrom(stack, from))[0]).toEqual(expected);
  });

  test('leaves the digests of the lock as they are, and built charts alone', async () => {
    const digest = `sha256:${'c'.repeat(64)}`;
    const locked = structuredClone(stack);
    Object.assign(locked.components['tempo']?.release?.chart ?? {}, { digest });
    expect(chartsOf(await withChartsFrom(locked, 'https://charts.local'))[0]).toMatchObject({ digest });
    const { stack: embedded } = await loadStack('embedded', { builtInDir: builtInStacks });
    expect(await withChartsFrom(embedded, folder)).toEqual(embedded);
  });
});

describe('--images-from', () => {
  test('on an existing cluster: releases are told, manifests are rewritten', () => {
    const { components } = withImagesFrom(stack, 'registry.local:5000/mirror/', 'kubeconfig');
    expect(components['tempo']?.release?.images).toEqual({ from: 'registry.local:5000/mirror' });
    expect(JSON.stringify(components['hotrod'])).toContain(
      '"registry.local:5000/mirror/jaegertracing/example-hotrod:1.42.0"',
    );
  });

  test('on k3d: the cluster is told, the stack stays', () => {
    expect(withImagesFrom(stack, 'registry.local', 'k3d')).toEqual(stack);
  });

  test('what cannot be', () => {
    const usage = expect.objectContaining({ type: 'usage.invalid' }) as unknown;
    expect(() => withImagesFrom(stack, 'no registry', 'k3d')).toThrow(usage);
  });
});

describe('the images of an embedded cluster', () => {
  const built = { embedded: 'tempo' };
  const remote = { oci: 'oci://registry.local/charts/tempo', version: '1.0.0' };
  const local = { path: '/charts/tempo' };
  const components = (...charts: readonly object[]): Stack['components'] =>
    Object.fromEntries(
      charts.map((chart, index) => [
        `c${String(index)}`,
        { release: { namespace: 'n', chart, values: {} } } as unknown as Stack['components'][string],
      ]),
    );

  test.each([
    ['all built here', [built, local], undefined],
    ['charts of repositories', [remote, local], { built: false }],
    ['both', [built, remote], { built: true }],
    ["charts of one's own", [local], { built: true, dispensable: true }],
    ['no charts', [], { built: true, dispensable: true }],
  ])('%s', (_, charts, expected) => {
    expect(embeddedImages({ components: components(...charts) }, undefined)).toEqual(expected);
  });

  test('come from a registry, a folder, or mirrors', () => {
    const of = { components: components(remote) };
    expect(embeddedImages(of, 'registry.local/mirror/')).toEqual({
      built: false,
      from: 'https://registry.local/mirror',
    });
    expect(embeddedImages(of, '127.0.0.1:5000')).toMatchObject({ from: 'http://127.0.0.1:5000' });
    expect(embeddedImages(of, folder)).toMatchObject({ from: folder });
    const mirrors = { 'docker.io': ['https://mirror.local'] };
    expect(embeddedImages({ ...of, embedded: { mirrors } }, undefined)).toMatchObject({ mirrors });
  });

  test('cannot come from elsewhere when they are built', () => {
    const usage = expect.objectContaining({ type: 'usage.invalid' }) as Error;
    expect(() => embeddedImages({ components: components(built) }, 'registry.local')).toThrow(usage);
    expect(() => embeddedImages({ components: components(remote) }, '/no/such/folder')).toThrow(usage);
  });
});
