import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isCancellation, isTracewrightError, TracewrightError } from '../../domain/failure.js';
import type { ChartSource } from '../../domain/stack.js';
import type { OnProgress } from '../download-progress.js';
import { checkChartDigest } from './fingerprint.js';
import type { Helm, HelmCall } from './helm.js';

export interface ChartPlaces {
  /** Downloaded charts are kept below it. */
  readonly cacheDir: string;
  /** The folder of the charts that were built with the embedded cluster; `undefined` where there is no build. */
  embeddedCharts(): Promise<string | undefined>;
  /** Told before a download. */
  readonly onProgress?: OnProgress | undefined;
}

type RemoteSource = Exclude<ChartSource, { path: string } | { embedded: string }>;

/**
 * A local path of the chart that `source` means: charts of a repository are downloaded once and kept.
 * @throws TracewrightError `chart.not-found`, `chart.unavailable`, `lock.mismatch` when the digest is another one, and
 *   what else `helm.pull` throws
 */
export async function locateChart(
  source: ChartSource,
  helm: Helm,
  places: ChartPlaces,
  call: HelmCall,
): Promise<string> {
  if ('embedded' in source) return builtChart(source.embedded, places);
  if (!('path' in source)) return remoteChart(source, helm, places, call);
  const path = await existing(source.path, 'Correct the path in the stack file, or what --charts-from says.');
  await checkChartDigest(path, source.digest, source.path);
  return path;
}

async function builtChart(name: string, places: ChartPlaces): Promise<string> {
  const charts = await places.embeddedCharts();
  if (charts !== undefined)
    return existing(join(charts, name), 'The stack file names a chart that is not built.');
  throw notFound(
    `the built chart ${name}`,
    'This chart comes with the embedded cluster: use --target embedded.',
  );
}

/** What the cache holds may be older than a chart that was published anew: only what was just fetched is final. */
async function remoteChart(
  { digest, ...source }: RemoteSource,
  helm: Helm,
  { cacheDir, onProgress }: ChartPlaces,
  call: HelmCall,
): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify({ ...source, digest }))
    .digest('hex')
    .slice(0, 24);
  const folder = join(cacheDir, 'charts', key);
  const known = await archiveIn(folder);
  if (known !== undefined && (await isAsLocked(known, digest))) return known;
  onProgress?.(`Downloading the chart ${addressOf(source)}`);
  return download(source, helm, { folder, digest }, call);
}

async function isAsLocked(archive: string, digest: string | undefined): Promise<boolean> {
  try {
    await checkChartDigest(archive, digest, archive);
    return true;
  } catch (error) {
    if (isTracewrightError(error) && error.type === 'lock.mismatch') return false;
    throw error;
  }
}

/** Only a whole chart gets its place in the cache, and none that somebody may be reading is taken away. */
async function download(
  source: RemoteSource,
  helm: Helm,
  { folder, digest }: { folder: string; digest: string | undefined },
  call: HelmCall,
): Promise<string> {
  await mkdir(join(folder, '..'), { recursive: true, mode: 0o700 });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    await helm.pull(source, partial, call);
    const archive = await archiveIn(partial);
    if (archive === undefined) throw damaged(source, 'nothing arrived');
    await requireWhole(archive, source, helm, call);
    await checkChartDigest(archive, digest, addressOf(source));
    const place = join(folder, basename(archive));
    // Another download of the same chart may have been faster, or what was kept is damaged: then only the file is
    // replaced, in one step.
    await rename(partial, folder).catch(() => rename(archive, place));
    return place;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Helm takes whatever comes: the page of a proxy, or half of a chart. */
async function requireWhole(
  archive: string,
  source: RemoteSource,
  helm: Helm,
  { signal }: HelmCall,
): Promise<void> {
  const chart = await helm.showChart(archive, { signal }).catch((error: unknown) => {
    if (!isTracewrightError(error) || isCancellation(error)) throw error;
    throw damaged(source, error.evidence.at(-1) ?? error.message, error);
  });
  const bare = (version: string): string => version.replace(/^v/u, '');
  if (bare(chart.version) === bare(source.version)) return;
  throw damaged(source, `it is ${chart.name} ${chart.version}`);
}

async function archiveIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const archive = names.find((name) => name.endsWith('.tgz'));
  return archive === undefined ? undefined : join(folder, archive);
}

async function existing(path: string, remedy: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch (error) {
    throw notFound(path, remedy, error);
  }
}

/** For messages: where a chart comes from. */
function addressOf(source: RemoteSource): string {
  return 'oci' in source
    ? `${source.oci}:${source.version}`
    : `${source.name} ${source.version} of ${source.repository}`;
}

function notFound(what: string, remedy: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'chart.not-found',
    message: `There is no chart at ${what}.`,
    remedy,
    cause,
  });
}

function damaged(source: RemoteSource, why: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'chart.unavailable',
    message: `The chart ${addressOf(source)} did not arrive whole: ${why}.`,
    remedy: 'Look what answers at that address: a proxy, a login page? The step is tried again.',
    cause,
  });
}
