import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TracewrightError } from '../../domain/failure.js';
import { canonicalJson } from '../../domain/release.js';

/** Hexadecimal digits of SHA-256 that are kept: a label's value has at most 63 characters. */
const digits = 40;

/**
 * A fingerprint of what would be installed: all files of the chart (a folder or .tgz) and the values, in any key order.
 * Times and modes of files do not count.
 * @throws TracewrightError `chart.not-found`
 */
export async function chartFingerprint(
  chartPath: string,
  values: Readonly<Record<string, unknown>>,
): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await chartFiles(chartPath)) {
    hash.update(`${relative(chartPath, file)}\0`);
    await addFile(hash, file);
  }
  hash.update(canonicalJson(values));
  return hash.digest('hex').slice(0, digits);
}

async function addFile(hash: Hash, file: string): Promise<void> {
  const content = createHash('sha256');
  await pipeline(createReadStream(file), content);
  hash.update(content.digest());
}

/** Of a chart folder or .tgz, sorted. @throws TracewrightError `chart.not-found` */
export async function chartFiles(chartPath: string): Promise<string[]> {
  try {
    if ((await stat(chartPath)).isFile()) return [chartPath];
    const entries = await readdir(chartPath, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    throw new TracewrightError({
      type: 'chart.not-found',
      message: `There is no chart at ${chartPath}.`,
      remedy: 'Correct the path of the chart in the stack file.',
      cause,
    });
  }
}

/** `sha256:<hex>` of a chart's .tgz. */
export async function chartDigest(archive: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash);
  return `sha256:${hash.digest('hex')}`;
}

/**
 * Passes when no digest is wanted, or the file has it.
 * @param address where the chart comes from, for the message
 * @throws TracewrightError `lock.mismatch` with both digests; a folder has none
 */
export async function checkChartDigest(
  path: string,
  wanted: string | undefined,
  address: string,
): Promise<void> {
  if (wanted === undefined) return;
  const found = (await stat(path)).isFile() ? await chartDigest(path) : 'none, it is a folder';
  if (found === wanted) return;
  throw new TracewrightError({
    type: 'lock.mismatch',
    message: `The chart ${address} is not the one that was locked: locked is ${wanted}, found was ${found}.`,
    remedy:
      'Find out why it changed: nobody should publish a version twice. To take the new one: `tracewright lock`.',
  });
}
