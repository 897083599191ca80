import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { downloadWith, type RegistryDownload } from './registry-download.js';
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
  const specifier = `${pin.package}@${pin.version}`;
  const tarball = await downloadWith(
    {
      client: 'npm',
      program: 'npm',
      args: [
        ...['pack', specifier, '--ignore-scripts', '--pack-destination', options.folder],
        // npm would wait 10 and then 60 seconds between its attempts.
        ...['--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=3000'],
      ],
      package: specifier,
      extension: '.tgz',
      mismatch: /wanted (?<expected>sha512-\S+) but got (?<actual>sha512-[^\s.]+)/u,
    },
    options,
  );
  const hash = createHash('sha512');
  await pipeline(createReadStream(tarball), hash);
  const actual = `sha512-${hash.digest('base64')}`;
  if (actual !== pin.integrity) throw checksumMismatch(specifier, pin.integrity, actual);
  return tarball;
}
