import { imagesOf, mirroredImage, parseImage } from '../domain/images.js';
import { releaseName } from '../domain/release.js';
import type { Component, KubernetesObjectSpec, Stack } from '../domain/stack.js';
import type { OnProgress } from '../tools/download-progress.js';
import { locateChart } from '../tools/helm/chart-source.js';
import { chartDigest } from '../tools/helm/fingerprint.js';
import type { Helm } from '../tools/helm/helm.js';
import { parseManifests } from '../tools/kubernetes/manifests.js';
import { imageDigest } from '../tools/registry/image-digest.js';
import { describeSource, isRemote } from './chart-sources.js';
import type { Lock } from './lock-file.js';

interface LockOptions {
  readonly helm: Helm;
  /** For the downloads; an empty one, so that nothing old is locked. */
  readonly cacheDir: string;
  /** Asked for the digests instead of the registries that the images name. */
  readonly imagesFrom?: string | undefined;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** So many questions at a time are put to registries, which limit their rate. */
const questionsAtOnce = 4;

/**
 * Looks what the charts and images of a stack are now: downloads and renders its charts, and asks the registries.
 * @param original the stack as it is written
 * @param stack the same, with the places where its charts are taken from
 * @throws TracewrightError `chart.*`, `image.*`
 */
export async function makeLock(original: Stack, stack: Stack, options: LockOptions): Promise<Lock> {
  const charts: Lock['charts'] = {};
  const objects: KubernetesObjectSpec[] = [];
  for (const [name, component] of Object.entries(stack.components)) {
    options.onProgress(`looking at ${component.title ?? name}`);
    const found = await lookAt(name, component, options);
    objects.push(...found.objects);
    const source = original.components[name]?.release?.chart;
    if (source && isRemote(source) && found.digest !== undefined)
      charts[name] = { source: describeSource(source), digest: found.digest };
  }
  return { version: 1, stack: stack.name, charts, images: await digestsOf(imagesOf(objects), options) };
}

/**
 * The images that the charts and manifests of a stack name, but for those of charts that are built here.
 * @throws TracewrightError `chart.*`
 */
export async function imagesOfStack(stack: Stack, options: LockOptions): Promise<string[]> {
  const objects: KubernetesObjectSpec[] = [];
  for (const [name, component] of Object.entries(stack.components)) {
    options.onProgress(`looking at ${component.title ?? name}`);
    objects.push(...(await lookAt(name, component, options)).objects);
  }
  return imagesOf(objects);
}

async function lookAt(
  name: string,
  { release, manifests }: Component,
  { helm, cacheDir, signal }: LockOptions,
): Promise<{ digest?: string; objects: readonly KubernetesObjectSpec[] }> {
  if (!release) return { objects: manifests?.objects ?? [] };
  // Built here, from sources that go.sum pins.
  if ('embedded' in release.chart) return { objects: [] };
  const places = { cacheDir, embeddedCharts: () => Promise.resolve(undefined) };
  const chartPath = await locateChart(release.chart, helm, places, { signal });
  const { namespace, values, wholeNumbers } = release;
  const text = await helm.template(
    { name: releaseName(name, release), namespace, values, wholeNumbers, chartPath },
    { signal },
  );
  const packed = chartPath.endsWith('.tgz');
  return { objects: parseManifests(text), ...(packed && { digest: await chartDigest(chartPath) }) };
}

async function digestsOf(
  images: readonly string[],
  { imagesFrom, onProgress, signal }: LockOptions,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const open = [...images];
  const ask = async (): Promise<void> => {
    for (let image = open.shift(); image !== undefined; image = open.shift()) {
      onProgress(`asking for ${image}`);
      const parsed = parseImage(image);
      const where = imagesFrom !== undefined && parsed ? mirroredImage(parsed, imagesFrom) : image;
      found[image] = await imageDigest(where, { signal });
    }
  };
  await Promise.all(Array.from({ length: questionsAtOnce }, ask));
  return Object.fromEntries(images.map((image) => [image, found[image] ?? '']));
}
