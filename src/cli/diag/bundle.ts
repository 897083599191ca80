import { packArchive } from './archive.js';
import { createCleaner } from './cleaner.js';
import { indexPage, type IndexedFile, type IndexFacts } from './index-page.js';
import { withoutOverlap } from './log-end.js';
import type { Findings, Missing } from './part.js';

export interface Bundle {
  readonly archive: Buffer;
  readonly files: readonly IndexedFile[];
  readonly missing: readonly Missing[];
}

/**
 * The archive of all that was found. Everything passes through here, and nothing leaves it with a secret that is known.
 */
export async function bundle(
  folder: string,
  { files, missing, secrets }: Findings,
  facts: Pick<IndexFacts, 'version' | 'environment' | 'madeAt'>,
): Promise<Bundle> {
  const cleaner = createCleaner(secrets);
  const clean = files.map(({ path, what, content, cut }) => {
    const text =
      typeof content === 'string'
        ? cleaner.text(content)
        : `${JSON.stringify(cleaner.json(content), undefined, 2)}\n`;
    return { path: cleaner.text(path), what, text: cut ? withoutOverlap(text) : text };
  });
  const listed = clean.map(({ path, what, text }) => ({ path, what, bytes: Buffer.byteLength(text) }));
  const lacking = missing.map(({ what, why }) => ({ what: cleaner.text(what), why: cleaner.text(why) }));
  const index = indexPage({ ...facts, files: listed, missing: lacking });
  return {
    archive: await packArchive(folder, [{ path: 'README.md', text: index }, ...clean], facts.madeAt),
    files: listed,
    missing: lacking,
  };
}
