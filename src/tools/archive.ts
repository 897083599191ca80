import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { openPromise } from 'yauzl';

/** Entry names to the absolute paths that they are written to; entries that it does not name are skipped. */
export type Extraction = Readonly<Record<string, string>>;

/** Extracts files from a zip, made with mode 0700. @throws Error when an entry is not there or the zip is damaged */
export async function extractZip(zip: string, wanted: Extraction): Promise<void> {
  const archive = await openPromise(zip, { lazyEntries: true, autoClose: false });
  const found = new Set<string>();
  try {
    for await (const entry of archive.eachEntry()) {
      const target = wanted[entry.fileName];
      if (target === undefined) continue;
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target, { mode: 0o700 }));
      found.add(entry.fileName);
    }
  } finally {
    archive.close();
  }
  assertAllFound(zip, wanted, found);
}

/**
 * Extracts files from a gzipped tar, made with mode 0600. A name may begin with `./` in it.
 * @throws Error when an entry is not there or the tar is damaged
 */
export async function extractTarball(tarball: string, wanted: Extraction): Promise<void> {
  const entries = extract();
  const found = new Set<string>();
  const reading = pipeline(createReadStream(tarball), createGunzip(), entries);
  // A damaged archive fails both; the loop's error is the one that is thrown.
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const name = entry.header.name.replace(/^\.\//u, '');
    const target = wanted[name];
    if (target === undefined) {
      entry.resume();
      continue;
    }
    await pipeline(entry, createWriteStream(target, { mode: 0o600 }));
    found.add(name);
  }
  await reading;
  assertAllFound(tarball, wanted, found);
}

function assertAllFound(archive: string, wanted: Extraction, found: ReadonlySet<string>): void {
  const missing = Object.keys(wanted).filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`${archive} does not hold ${missing.join(', ')}.`);
}
