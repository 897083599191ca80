import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { isTracewrightError } from '../domain/failure.js';
import { downloadWith, scratchFolder, type RegistryDownload } from './registry-download.js';
import { checksumMismatch } from './tool-cache.js';

export interface NpmPackagePin {
  readonly package: string;
  readonly version: string;
  /** `sha512-<base64>` of the tarball, as npm writes it. */
  readonly integrity: string;
}

/**
 * Downloads the tarball of an npm package from the user's registry; nothing of it is run and none of its dependencies
 * is installed. npm compares it with what the registry says, this function with the pin. @returns its absolute path
 * @throws TracewrightError see `downloadWith`
 */
export async function downloadNpmPackage(pin: NpmPackagePin, options: RegistryDownload): Promise<string> {
  const cached = await fromOwnCache(pin, options);
  if (cached !== undefined) return cached;
  // In a cache of its own the file can be seen growing, and the user's cache does not keep 37 MB for nothing.
  const tarball = await pack(pin, options, ['--cache', scratchFolder(options.folder)]);
  const actual = await integrityOf(tarball);
  if (actual !== pin.integrity) throw checksumMismatch(nameOf(pin), pin.integrity, actual);
  return tarball;
}

/** What the user's npm has in its cache already: the way without a network. Asks nobody; takes npm's start, 0.7 s. */
async function fromOwnCache(pin: NpmPackagePin, options: RegistryDownload): Promise<string | undefined> {
  try {
    const tarball = await pack(pin, options, ['--offline']);
    return (await integrityOf(tarball)) === pin.integrity ? tarball : undefined;
  } catch (error) {
    if (isTracewrightError(error) && ['tool.cancelled', 'tool.missing'].includes(error.type)) throw error;
    return undefined;
  }
}

async function pack(pin: NpmPackagePin, options: RegistryDownload, more: readonly string[]): Promise<string> {
  return downloadWith(
    {
      client: 'npm',
      program: 'npm',
      args: [
        ...['pack', nameOf(pin), '--ignore-scripts', '--logs-max=0', '--pack-destination', options.folder],
        // npm would wait 10 and then 60 seconds between its attempts.
        ...['--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=3000', ...more],
      ],
      package: nameOf(pin),
      extension: '.tgz',
      mismatch: /wanted (?<expected>sha512-\S+) but got (?<actual>sha512-[^\s.]+)/u,
    },
    options,
  );
}

const nameOf = (pin: NpmPackagePin): string => `${pin.package}@${pin.version}`;

async function integrityOf(path: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(path), hash);
  return `sha512-${hash.digest('base64')}`;
}
