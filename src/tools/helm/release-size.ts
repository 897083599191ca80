import { stat } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { isCancellation, isTracewrightError, TracewrightError } from '../../domain/failure.js';
import type { ReleaseRef } from '../../domain/release.js';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { stringifyExact } from '../kubernetes/exact-json.js';
import { chartFiles } from './fingerprint.js';
import type { Helm, HelmCall, Rendered } from './helm.js';

/** In bytes: what the values of a Secret may have together, in which helm keeps a release. */
const maxReleaseBytes = 2 ** 20;
/** From this share of it on it is said: the next version of the chart may not fit any more. */
const nearlyFull = 0.9;
/** In bytes, of chart, values and objects together: below it no release comes near the limit, so helm is not asked. */
const surelySmall = 200_000;

/** Whether helm can keep a release. */
interface Room {
  /** When there is hardly any. */
  readonly detail?: string;
  /** `chart.too-large`. */
  readonly failure?: TracewrightError;
}

/**
 * Looks, before anything is installed, whether chart, values and manifests, packed, fit into the Secret in which helm
 * keeps them. A chart that helm does not render without asking the cluster is taken to fit.
 * @param sends what the release renders to
 */
export async function releaseRoom(
  helm: Helm,
  release: ReleaseRef & Rendered,
  sends: readonly KubernetesObjectSpec[],
  call: HelmCall,
): Promise<Room> {
  const given = Buffer.byteLength(stringifyExact([sends, release.values]));
  if (given + (await chartBytes(release.chartPath)) < surelySmall) return {};
  const record = await helm.record(release, call).catch((error: unknown) => {
    if (!isTracewrightError(error) || isCancellation(error)) throw error;
  });
  const share = record === undefined ? 0 : packedBytes(record) / maxReleaseBytes;
  if (share < nearlyFull) return {};
  const detail = `its release takes ${String(Math.round(share * 100))} % of the 1 MiB in which helm keeps it`;
  if (share <= 1) return { detail };
  const failure = new TracewrightError({
    type: 'chart.too-large',
    message: `${release.namespace}/${release.name}: ${detail}.`,
    remedy: 'Take files that are not needed out of the chart, or split it into several components.',
  });
  return { failure };
}

/** As helm packs a release: gzip at its best, then base64. */
function packedBytes(record: string): number {
  return Math.ceil(gzipSync(record.trim(), { level: 9 }).length / 3) * 4;
}

async function chartBytes(chartPath: string): Promise<number> {
  const sizes = await Promise.all((await chartFiles(chartPath)).map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
