import type { Component, ReleaseSpec, Stack } from '../domain/stack.js';
import { rewriteObjectImages } from '../tools/helm/rewrite-images.js';
import { describeSource, isRemote } from './chart-sources.js';
import { invalidLock, type Lock } from './lock-file.js';

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
