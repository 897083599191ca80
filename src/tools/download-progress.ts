import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** One line for a person; `percent` of the whole, 0 to 100, where it is known. */
export type OnProgress = (text: string, percent?: number) => void;

export interface ExpectedDownload {
  /** For people: `Helm 4.1.4 and kubectl`. */
  readonly what: string;
  /** Of the whole file, in bytes. */
  readonly size: number;
}

/** Between two looks, in milliseconds. */
const lookMs = 1_000;

/**
 * Tells how far a download is while `work` makes it, or waits for another process that does: whoever waits sees the
 * same. Package clients say nothing of it outside a terminal, but the file grows where they work: it is the largest one
 * below `folder`. Looked at once a second, because what grows cannot be waited for. The percentage never falls, is at
 * most 100 whatever arrives, and is 100 when `work` ends well.
 */
export async function followDownload<T>(
  { what, size, folder }: ExpectedDownload & { readonly folder: string },
  onProgress: OnProgress | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!onProgress) return work();
  let most = 0;
  const tell = (bytes: number): void => {
    if (bytes <= most || most === size) return;
    most = Math.min(bytes, size);
    const text = `Downloading ${what}: ${megabytes(most)} of ${megabytes(size)} MB`;
    onProgress(text, Math.floor((100 * most) / size));
  };
  const ended = new AbortController();
  const looking = (async () => {
    while (most < size) {
      await sleep(lookMs, undefined, { signal: ended.signal }).catch(() => undefined);
      if (ended.signal.aborted) return;
      tell(await largestFile(folder));
    }
    await sleep(lookMs, undefined, { signal: ended.signal }).then(
      () => {
        onProgress(`Unpacking ${what}`);
      },
      () => undefined,
    );
  })();
  try {
    const result = await work();
    tell(size);
    return result;
  } finally {
    ended.abort();
    await looking;
  }
}

/** As package registries count them: millions of bytes. */
export function megabytes(bytes: number): string {
  return String(Math.round(bytes / 1_000_000));
}

/** In bytes; files come and go while one looks. */
async function largestFile(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return Math.max(0, ...(await Promise.all(sizes)));
}
