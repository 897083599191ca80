import { createHash } from 'node:crypto';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import type { ChartSource } from '../../domain/stack.js';
import type { Helm, HelmCall } from './helm.js';

export interface ChartPlaces {
  /** Downloaded charts are kept below it. */
  readonly cacheDir: string;
  /** The folder of the charts that were built with the embedded cluster; `undefined` where there is no build. */
  embeddedCharts(): Promise<string | undefined>;
}

/**
 * A local path of the chart that `source` means: charts of a repository are downloaded once and kept.
 * @throws TracewrightError `chart.not-found`, and what `helm.pull` throws
 */
export async function locateChart(
  source: ChartSource,
  helm: Helm,
  places: ChartPlaces,
  call: HelmCall,
): Promise<string> {
  if ('path' in source) return existing(source.path, 'Correct the path in the stack file.');
  if ('embedded' in source) {
    const charts = await places.embeddedCharts();
    if (charts !== undefined)
      return existing(join(charts, source.embedded), 'The stack file names a chart that is not built.');
    throw notFound(
      `the built chart ${source.embedded}`,
      'This chart comes with the embedded cluster: use --target embedded.',
    );
  }
  return download(source, helm, places.cacheDir, call);
}

async function download(
  source: Exclude<ChartSource, { path: string } | { embedded: string }>,
  helm: Helm,
  cacheDir: string,
  call: HelmCall,
): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(source)).digest('hex').slice(0, 24);
  const folder = join(cacheDir, 'charts', key);
  const known = await archiveIn(folder);
  if (known !== undefined) return known;
  const partial = `${folder}.${String(process.pid)}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  try {
    await helm.pull(source, partial, call);
    // Another download of the same chart may have been faster; both are the same.
    await rename(partial, folder).catch(() => undefined);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  const archive = await archiveIn(folder);
  if (archive === undefined) throw notFound(JSON.stringify(source), 'helm downloaded nothing; run it again.');
  return archive;
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

function notFound(what: string, remedy: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'chart.not-found',
    message: `There is no chart at ${what}.`,
    remedy,
    cause,
  });
}
