import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { TracewrightError } from '../../domain/failure.js';

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
