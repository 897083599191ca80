import { statSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TracewrightError } from '../domain/failure.js';
import type { K3dSettings } from '../domain/k3d-settings.js';
import type { EmbeddedImages } from '../domain/progress.js';
import type { ChartSource, Component, Stack, TargetKind } from '../domain/stack.js';
import { type RemoteChartSource, applyLock, isRemote, nameOf } from '../lock/chart-sources.js';
import { lockPathOf, readLock } from '../lock/lock-file.js';
import { loadStack, type LoadedStack } from '../stack-file.js';
import { isLoopback } from '../tools/registry/loopback.js';
import { rewriteObjectImages } from '../tools/helm/rewrite-images.js';
import { shellWord } from './views/format.js';

/** Where charts and images are taken from instead of where the stack says. */
export interface SourceOptions {
  /** A folder of .tgz files, the URL of a chart repository, or `oci://…`. */
  readonly chartsFrom?: string | undefined;
  /** A registry, with a path: `registry.local:5000/mirror`; on the embedded cluster also a folder of archives. */
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
 * The stack with all images taken from another registry: their names are rewritten. A k3d cluster is told the registry
 * instead (`withMirror`), so that every pod in it follows.
 * @throws TracewrightError `usage.invalid`
 */
export function withImagesFrom(stack: Stack, from: string | undefined, target: TargetKind): Stack {
  // Clusters of our own are told with the target: see `withMirror` and `embeddedImages`.
  if (from === undefined || target === 'embedded') return stack;
  const { registry } = registryOf(from);
  if (target === 'k3d') return stack;
  const components = Object.entries(stack.components).map(
    ([name, component]) => [name, componentFrom(component, registry)] as const,
  );
  return { ...stack, components: Object.fromEntries(components) };
}

/**
 * How an embedded cluster comes to the images of the stack. It has those that were built with it unless the stack takes
 * charts from elsewhere only, and pulls what it lacks.
 * @param from what `--images-from` says: a registry, or a folder of archives
 * @returns `undefined`: all images were built with the cluster
 * @throws TracewrightError `usage.invalid`
 */
export function embeddedImages(
  { components, embedded }: Pick<Stack, 'components' | 'embedded'>,
  from: string | undefined,
): EmbeddedImages | undefined {
  const charts = Object.values(components).flatMap(({ release }) => (release ? [release.chart] : []));
  const [built, remote] = [charts.some((chart) => 'embedded' in chart), charts.some(isRemote)];
  if (built && !remote) {
    if (from !== undefined) throw builtHere();
    if (!embedded) return undefined;
  }
  return {
    built: built || !remote,
    ...(!built && !remote && { dispensable: true as const }),
    ...(from !== undefined && { from: placeOfImages(from) }),
    ...(embedded && { mirrors: embedded.mirrors }),
  };
}

function placeOfImages(from: string): string {
  if (statSync(from, { throwIfNoEntry: false })?.isDirectory()) return resolve(from);
  const { scheme, registry } = registryOf(from);
  const local = isLoopback(new URL(`${scheme}://${registry}`).hostname) && !from.startsWith('https:');
  return `${local ? 'http' : scheme}://${registry}`;
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

/**
 * A cluster whose containerd takes all images from another registry. A path goes behind the /v2 of its API: that is how
 * containerd reads an endpoint that has one.
 * @throws TracewrightError `usage.invalid`
 */
export function withMirror(k3d: K3dSettings, from: string | undefined): K3dSettings {
  if (from === undefined) return k3d;
  const { scheme, registry } = registryOf(from);
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
  const pull =
    'oci' in source ? shellWord(source.oci) : `${shellWord(name)} --repo ${shellWord(source.repository)}`;
  return new TracewrightError({
    type: 'chart.not-found',
    message: `There is no chart at ${path}.`,
    remedy: `Where there is internet: helm pull ${pull} --version ${shellWord(version)}. Put the file there.`,
    cause,
  });
}

function builtHere(): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message:
      'The images of this stack are built with the embedded cluster: --images-from means nothing there.',
    remedy: 'Leave it out, or use another --target or --stack.',
  });
}

/** Of this package: <package>/stacks, seen from <package>/{src,dist}/cli. */
export const builtInStacks = fileURLToPath(new URL('../../stacks', import.meta.url));

/** Those that the images of the stack `current` and its charts name; they are known only when the charts are there. */
const registries = ['registry-1.docker.io', 'quay.io', 'ghcr.io', 'registry.k8s.io'];

/** Of each registry and chart repository of the stack `current` that the options do not replace. */
export async function upstreamAddresses(options: SourceOptions): Promise<string[]> {
  const { stack } = await loadStack('current', { builtInDir: builtInStacks });
  return addressesOf(stack, options);
}

/** What answers a HEAD where the charts and images of a stack can be had: the index of a repository, a registry's API. */
export function addressesOf(
  { components }: Pick<Stack, 'components'>,
  { chartsFrom, imagesFrom }: SourceOptions,
): string[] {
  const images = imagesFrom === undefined ? registries.map(apiOf) : [];
  const charts = Object.values(components).flatMap(({ release }) => {
    if (chartsFrom !== undefined || !release || !isRemote(release.chart)) return [];
    const { chart } = release;
    return 'oci' in chart
      ? [apiOf(new URL(chart.oci).host)]
      : [`${chart.repository.replace(/\/+$/u, '')}/index.yaml`];
  });
  return [...new Set([...images, ...charts])];
}

function apiOf(registry: string): string {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  return `${isLoopback(new URL(`https://${host}`).hostname) ? 'http' : 'https'}://${host}/v2/`;
}
