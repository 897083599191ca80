import type { ChartSource, Component, ReleaseSpec, Stack } from '../domain/stack.js';
import { rewriteObjectImages } from '../tools/helm/rewrite-images.js';
import { type Lock, invalidLock } from './lock-file.js';

export type RemoteChartSource = Exclude<ChartSource, { path: string } | { embedded: string }>;

/** Whether the chart comes from a repository or registry, and so can become another one behind our back. */
export function isRemote(source: ChartSource): source is RemoteChartSource {
  return 'repository' in source || 'oci' in source;
}

/** The same chart gives the same text. */
export function describeSource(source: RemoteChartSource): string {
  return 'oci' in source
    ? `${source.oci}:${source.version}`
    : `${source.name} ${source.version} of ${source.repository}`;
}

/** Name and version of the chart: what its .tgz is called, wherever it is kept. */
export function nameOf(source: RemoteChartSource): { name: string; version: string } {
  const name = 'oci' in source ? (source.oci.split('/').at(-1) ?? '') : source.name;
  return { name, version: source.version };
}

/**
 * The stack with the digests of the lock: charts are checked against theirs, images are pulled by theirs.
 * @throws TracewrightError `lock.invalid` when the stack has other charts than the lock, `lock.mismatch` for an image
 *   of the manifests that it lacks
 */
export function applyLock(stack: Stack, lock: Lock, lockPath: string): Stack {
  const digests = lock.images;
  const locked = (name: string, component: Component): Component => {
    const { release, manifests } = component;
    if (release) return { ...component, release: lockedRelease(name, release, lock, lockPath) };
    if (!manifests) return component;
    const objects = manifests.objects.map((object) => rewriteObjectImages(object, { digests }));
    return { ...component, manifests: { ...manifests, objects } };
  };
  const components = Object.entries(stack.components).map(
    ([name, component]) => [name, locked(name, component)] as const,
  );
  return { ...stack, components: Object.fromEntries(components) };
}

function lockedRelease(name: string, release: ReleaseSpec, lock: Lock, lockPath: string): ReleaseSpec {
  const { chart } = release;
  if ('embedded' in chart) return release;
  const images = { ...release.images, digests: lock.images };
  if (!isRemote(chart)) return { ...release, images };
  const entry = lock.charts[name];
  if (entry?.source !== describeSource(chart))
    throw invalidLock(
      lockPath,
      `the stack installs ${describeSource(chart)} for ${name}, and the lock has ${entry?.source ?? 'nothing'}`,
    );
  return { ...release, chart: { ...chart, digest: entry.digest }, images };
}
