import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseImage } from '../../domain/images.js';
import type { EmbeddedImages } from '../../domain/progress.js';
import { clusterFolder, readJson, type ClusterFolder } from './folder.js';

/** Where a cluster's images come from, and where those of all clusters are kept. */
export interface ImagePulls extends EmbeddedImages {
  /** The folder `images` in it is shared by all clusters of the machine. */
  readonly cacheDir: string;
  /** How much of it may be used. @default 10 GiB */
  readonly cacheBytes?: number | undefined;
}

const defaultCacheBytes = 10 * 2 ** 30;

/** What the program that pulls reads: the Settings of embedded/images/settings.go. */
export function pullSettingsFile({ images }: Pick<ClusterFolder, 'images'>): string {
  return join(images, 'settings.json');
}

/** Writes where images come from; a program that runs takes it from now on. */
export async function writePullSettings(
  folder: Pick<ClusterFolder, 'images'>,
  { cacheDir, cacheBytes = defaultCacheBytes, from, mirrors }: Omit<ImagePulls, 'built'>,
): Promise<void> {
  await mkdir(folder.images, { recursive: true, mode: 0o700 });
  const path = pullSettingsFile(folder);
  const settings = { cache: join(cacheDir, 'images'), cacheBytes, from, mirrors };
  await writeFile(`${path}.new`, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** What embedded/images/pulls.go writes: bytes by the full name of the image. */
const pullsFile = z.object({
  images: z.record(z.string(), z.object({ done: z.number(), total: z.number() })),
});

/** In milliseconds. */
const lookEveryMs = 1_000;
/** Of the progress line of a wait for pods. */
const pullingText = /pulling image (?<image>\S+)/u;

/**
 * Tells, while `work` waits for pods of an embedded cluster, also how far the image is that it waits for:
 * `pulling grafana/grafana:9.3.6, 34 of 120 MB`.
 */
export async function withPullProgress<T>(
  { stateDir, cluster }: { readonly stateDir: string; readonly cluster: string },
  report: (text: string) => void,
  work: (report: (text: string) => void) => Promise<T>,
): Promise<T> {
  const folder = clusterFolder(stateDir, cluster);
  let last = '';
  let told = '';
  const tell = async (): Promise<void> => {
    const image = pullingText.exec(last)?.groups?.['image'];
    const text = last;
    const size = image === undefined ? undefined : await pulledText(folder, image);
    const now = size === undefined ? text : text.replace(pullingText, `pulling ${size}`);
    // Something else may have begun meanwhile.
    if (text !== last || now === told) return;
    told = now;
    report(now);
  };
  const timer = setInterval(() => void tell(), lookEveryMs);
  try {
    return await work((text) => {
      last = text;
      void tell();
    });
  } finally {
    last = '';
    clearInterval(timer);
  }
}

async function pulledText(folder: ClusterFolder, image: string): Promise<string | undefined> {
  const found = await readJson(join(folder.images, 'pulls.json'), pullsFile);
  const { done, total } = found?.images[fullNameOf(image)] ?? { done: 0, total: 0 };
  if (total === 0) return undefined;
  const megabytes = (bytes: number): string => String(Math.round(bytes / 1e6));
  return total < 1e6 ? image : `${image}, ${megabytes(done)} of ${megabytes(total)} MB`;
}

/** As the program writes it. Of a tag with a digest it sees the digest only. */
function fullNameOf(image: string): string {
  const {
    registry,
    repository,
    tag = 'latest',
    digest,
  } = parseImage(image) ?? { registry: '', repository: image };
  const path = registry === 'docker.io' ? repository.replace(/^library\//u, '') : repository;
  return `${registry}/${path}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}
