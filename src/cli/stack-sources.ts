import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TracewrightError } from '../domain/failure.js';
import { defaultK3dSettings, type K3dSettings } from '../domain/k3d-settings.js';
import type { ChartSource, Component, Stack, TargetKind } from '../domain/stack.js';
import { applyLock } from '../lock/apply-lock.js';
import { isRemote, nameOf, type RemoteChartSource } from '../lock/chart-sources.js';
import { lockPathOf, readLock } from '../lock/lock-file.js';
import type { LoadedStack } from '../stack-file.js';
import { rewriteObjectImages } from '../tools/helm/rewrite-images.js';

/** Where charts and images are taken from instead of where the stack says. */
export interface SourceOptions {
  /** A folder of .tgz files, the URL of a chart repository, or `oci://…`. */
  readonly chartsFrom?: string | undefined;
  /** A registry, with a path: `registry.local:5000/mirror`. */
  readonly imagesFrom?: string | undefined;
}

/**
 * What is installed of a loaded stack: with the digests of the lock file beside it, from the places that are asked for.
 * @throws TracewrightError `lock.*`, `chart.not-found`, `usage.invalid`
 */
export async function sourcedStack(
  { stack, path }: LoadedStack,
  target: TargetKind,
  { chartsFrom, imagesFrom }: SourceOptions,
): Promise<Stack> {
  const lockPath = lockPathOf(path);
  const lock = await readLock(lockPath);
  const locked = lock ? applyLock(stack, lock, lockPath) : stack;
  return withImagesFrom(await withChartsFrom(locked, chartsFrom), imagesFrom, target);
}

/**
 * The stack with its charts of repositories and registries taken from another place.
 * @throws TracewrightError `chart.not-found` when a folder lacks one, `usage.invalid`
 */
export async function withChartsFrom(stack: Stack, from: string | undefined): Promise<Stack> {
  if (from === undefined) return stack;
  const components = Object.entries(stack.components).map(async ([name, component]) => {
    const { release } = component;
    if (!release || !isRemote(release.chart)) return [name, component] as const;
    const chart = await chartFrom(release.chart, from);
    return [name, { ...component, release: { ...release, chart } }] as const;
  });
  return { ...stack, components: Object.fromEntries(await Promise.all(components)) };
}

async function chartFrom(source: RemoteChartSource, from: string): Promise<ChartSource> {
  const { name, version } = nameOf(source);
  const { digest } = source;
  const prefix = from.replace(/\/+$/u, '');
  if (prefix.startsWith('oci://')) return { oci: `${prefix}/${name}`, version, digest };
  if (/^https?:\/\//u.test(prefix)) return { repository: prefix, name, version, digest };
  const path = resolve(from, `${name}-${version}.tgz`);
  await access(path).catch((cause: unknown) => {
    throw missing(source, path, cause);
  });
  return { path, digest };
}

/**
 * The stack with all images taken from another registry. On k3d its containerd is told so, and every pod of the cluster
 * follows; on an existing cluster the names of the images are rewritten.
 * @throws TracewrightError `usage.invalid`
 */
export function withImagesFrom(stack: Stack, from: string | undefined, target: TargetKind): Stack {
  if (from === undefined) return stack;
  const { scheme, registry } = registryOf(from);
  if (target === 'embedded') throw builtHere();
  if (target === 'k3d')
    return { ...stack, k3d: withMirror(stack.k3d ?? defaultK3dSettings, scheme, registry) };
  const components = Object.entries(stack.components).map(
    ([name, component]) => [name, componentFrom(component, registry)] as const,
  );
  return { ...stack, components: Object.fromEntries(components) };
}

const registryShape = /^(?:(?<scheme>https?):\/\/)?(?<registry>[\w.-]+(?::\d+)?(?:\/[\w.-]+)*)\/*$/u;

/**
 * Splits what --images-from says.
 * @throws TracewrightError `usage.invalid`
 */
export function registryOf(from: string): { scheme: string; registry: string } {
  const { scheme = 'https', registry } = registryShape.exec(from)?.groups ?? {};
  if (registry !== undefined) return { scheme, registry };
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `"${from}" is no image registry.`,
    remedy: 'Give --images-from a host, with a path if need be: registry.local:5000/mirror.',
  });
}

/** A path of the registry goes behind the /v2 of its API: that is how containerd reads an endpoint that has one. */
function withMirror(k3d: K3dSettings, scheme: string, registry: string): K3dSettings {
  const [host = '', ...path] = registry.split('/');
  const endpoint = [`${scheme}://${host}`, ...(path.length > 0 ? ['v2', ...path] : [])].join('/');
  return { ...k3d, mirrors: { '*': [endpoint] } };
}

function componentFrom(component: Component, from: string): Component {
  const { release, manifests } = component;
  if (release) return { ...component, release: { ...release, images: { ...release.images, from } } };
  if (!manifests) return component;
  const objects = manifests.objects.map((object) => rewriteObjectImages(object, { from }));
  return { ...component, manifests: { ...manifests, objects } };
}

function missing(source: RemoteChartSource, path: string, cause: unknown): TracewrightError {
  const { name, version } = nameOf(source);
  const pull = 'oci' in source ? source.oci : `${name} --repo ${source.repository}`;
  return new TracewrightError({
    type: 'chart.not-found',
    message: `There is no chart at ${path}.`,
    remedy: `Where there is internet: helm pull ${pull} --version ${version}. Put the file there.`,
    cause,
  });
}

function builtHere(): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: 'The embedded cluster builds its images itself: --images-from means nothing there.',
    remedy: 'Leave it out, or use another --target.',
  });
}
