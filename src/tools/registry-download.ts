import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import { run } from './process.js';
import { checksumMismatch } from './tool-cache.js';

export interface RegistryDownload {
  /** Whose settings (index, proxy, certificates) apply: PATH, HOME, PIP_*, npm_config_*. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the file is put; an empty folder. The client works below it, so that the file can be seen growing. */
  readonly folder: string;
  /** What to do by hand when it fails. */
  readonly byHand: string;
  readonly signal?: AbortSignal | undefined;
}

export interface PackageClient {
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
export const scratchFolder = (folder: string): string => join(folder, 'scratch');

/** In milliseconds: 45 MB over a line of 0.5 Mbit/s. */
const timeoutMs = 15 * 60_000;

/**
 * Lets a package client download one file with the user's own settings. @returns its absolute path
 * @throws TracewrightError `download.failed`, `download.checksum-mismatch`, `tool.missing`, `tool.cancelled`
 */
export async function downloadWith(client: PackageClient, options: RegistryDownload): Promise<string> {
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
