import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, rename, rm, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { interceptors, request, type Dispatcher } from 'undici';
import { TracewrightError } from '../domain/failure.js';
import { userAgent, type NetworkVariables } from './http-agent.js';
import { checksumMismatch } from './tool-cache.js';

/** A file that a project publishes. */
export interface PublishedFile {
  /** Where, `https://…`. */
  readonly url: string;
  /** `sha256:<hex>` or `sha512:<hex>`. */
  readonly digest: string;
}

export interface FileDownloadOptions {
  /** Proxies and certificates are taken from them. */
  readonly variables: NetworkVariables;
  /**
   * What has the files instead of their publishers, below `<host>/<path>`: a URL, or the absolute path of a folder.
   * @default the publishers
   */
  readonly from?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After each piece: bytes of all files that are there, and of all where their sizes are told. */
  readonly onBytes?: ((done: number, total: number | undefined) => void) | undefined;
}

/** In milliseconds: for the head of an answer, and between two pieces of its body. */
const silenceMs = 30_000;
/** Tries in a row that bring nothing new. */
const barrenTries = 4;
const pauseMs = 500;

/**
 * Downloads files one after the other. What came in before a line was cut stays, also for the next call, and is gone on
 * with. A file that is there under its own name has the pinned contents.
 * @param files absolute path → what is to be there
 * @throws TracewrightError `download.failed`, not retryable where the server says that it lacks the file;
 *   `download.checksum-mismatch`, `tool.cancelled`
 */
export async function downloadFiles(
  files: ReadonlyMap<string, PublishedFile>,
  options: FileDownloadOptions,
): Promise<void> {
  const { from, signal, onBytes } = options;
  const agent = await userAgent(options.variables);
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  try {
    const places = [...files.values()].map(({ url }) => placeOf(url, from));
    const sizes = await Promise.all(places.map((place) => sizeOf(place, dispatcher, signal)));
    const total = sizes.reduce<number | undefined>(
      (sum, size) => (sum === undefined || size === undefined ? undefined : sum + size),
      0,
    );
    let before = 0;
    for (const [path, file] of files) {
      const source = placeOf(file.url, from);
      if (!(await fileSize(path)))
        await fetchFile({ path, file, source, dispatcher, signal }, (bytes) =>
          onBytes?.(before + bytes, total),
        );
      before += (await fileSize(path)) ?? 0;
      onBytes?.(before, total);
    }
  } catch (error) {
    if (signal?.aborted)
      throw new TracewrightError({
        type: 'tool.cancelled',
        message: 'The download was cancelled.',
        remedy: 'Run the command again: it goes on where it was.',
        cause: error,
      });
    throw error;
  } finally {
    void agent.destroy().catch(() => undefined);
  }
}

/** Where a file is asked for: at its publisher, or at the same place of what stands for all publishers. */
export function placeOf(url: string, from: string | undefined): string {
  if (from === undefined) return url;
  const { host, pathname } = new URL(url);
  return isAbsolute(from) ? join(from, host, pathname) : `${from.replace(/\/+$/u, '')}/${host}${pathname}`;
}

interface FileFetch {
  readonly path: string;
  readonly file: PublishedFile;
  readonly source: string;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal | undefined;
}

async function fetchFile(fetch: FileFetch, onBytes: (bytes: number) => void): Promise<void> {
  const { path, file, source, signal } = fetch;
  const part = `${path}.part`;
  let most = (await fileSize(part)) ?? 0;
  const resumed = most > 0;
  for (let barren = 0; ;) {
    const reason = await attempt(fetch, part, onBytes);
    if (reason === undefined) break;
    signal?.throwIfAborted();
    const now = (await fileSize(part)) ?? 0;
    barren = now > most ? 0 : barren + 1;
    most = Math.max(most, now);
    if (barren === barrenTries) throw failed(source, reason);
    await sleep(pauseMs * 2 ** barren, undefined, { signal });
  }
  const actual = await digestOf(part, file.digest);
  if (actual === file.digest) return rename(part, path);
  await rm(part);
  // What an earlier call left may have been of other contents.
  if (resumed) return fetchFile(fetch, onBytes);
  throw checksumMismatch(source, file.digest, actual);
}

/** @returns why the file is not there as a whole; `undefined` when it is */
async function attempt(
  { source, dispatcher, signal }: FileFetch,
  part: string,
  onBytes: (bytes: number) => void,
): Promise<string | undefined> {
  try {
    if (isAbsolute(source)) {
      await copyFile(source, part);
      return undefined;
    }
    const begun = (await fileSize(part)) ?? 0;
    const { statusCode, headers, body } = await request(source, {
      dispatcher,
      signal: signal ?? null,
      headers: begun > 0 ? { range: `bytes=${String(begun)}-` } : {},
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
    });
    if (statusCode >= 400) {
      await body.dump();
      // Nothing is left of it to send: the digest tells whether it is whole.
      if (statusCode === 416) return undefined;
      if (statusCode < 500 && statusCode !== 408 && statusCode !== 429) throw lacking(source, statusCode);
      return `it answers HTTP ${String(statusCode)}`;
    }
    const goesOn = statusCode === 206;
    let bytes = goesOn ? begun : 0;
    const length = Number(headers['content-length'] ?? NaN) + bytes;
    await pipeline(
      body,
      async function* (pieces: AsyncIterable<Buffer>) {
        for await (const piece of pieces) {
          bytes += piece.length;
          onBytes(bytes);
          yield piece;
        }
      },
      createWriteStream(part, { flags: goesOn ? 'a' : 'w', mode: 0o600 }),
    );
    return bytes < length ? 'the line was cut' : undefined;
  } catch (error) {
    if (error instanceof TracewrightError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw lacking(source);
    if (code !== undefined && ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS'].includes(code)) throw error;
    return reasonOf(error);
  }
}

/** Asked first, so that a server that is away or lacks a file is known before the large ones are fetched. */
async function sizeOf(
  source: string,
  dispatcher: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (isAbsolute(source)) {
    const size = await fileSize(source);
    if (size === undefined) throw lacking(source);
    return size;
  }
  try {
    const limits = { headersTimeout: silenceMs, bodyTimeout: silenceMs };
    const { statusCode, headers, body } = await request(source, {
      method: 'HEAD',
      dispatcher,
      signal: signal ?? null,
      ...limits,
    });
    await body.dump();
    if (statusCode === 404 || statusCode === 410) throw lacking(source, statusCode);
    const size = Number(headers['content-length'] ?? NaN);
    return statusCode < 300 && Number.isSafeInteger(size) ? size : undefined;
  } catch (error) {
    if (error instanceof TracewrightError || signal?.aborted) throw error;
    // The download itself tries again, and says why it is given up.
    return undefined;
  }
}

async function digestOf(path: string, wanted: string): Promise<string> {
  const algorithm = wanted.split(':')[0] ?? '';
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return `${algorithm}:${hash.digest('hex')}`;
}

async function fileSize(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

/** What lies below a "fetch failed", without the addresses that were tried. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : `${message} (${code})`;
}

function lacking(source: string, statusCode?: number): TracewrightError {
  const answer = statusCode === undefined ? 'There is no' : `HTTP ${String(statusCode)} for`;
  return new TracewrightError({
    type: 'download.failed',
    message: `${answer} ${source}.`,
    remedy: 'Check the address, and what stands for it.',
    retryable: false,
  });
}

function failed(source: string, reason: string): TracewrightError {
  return new TracewrightError({
    type: 'download.failed',
    message: `The download of ${source} failed: ${reason}.`,
    remedy: 'Check the network and the proxy, then run the command again: what came in is kept.',
  });
}
