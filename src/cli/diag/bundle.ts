import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { stringifyExact } from '../../tools/kubernetes/exact-json.js';
import { createCleaner } from './secrets.js';
import { withoutOverlap } from './logs.js';
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
      typeof content === 'string' ? cleaner.text(content) : `${stringifyExact(cleaner.json(content), 2)}\n`;
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

interface IndexedFile {
  readonly path: string;
  readonly what: string;
  /** Unpacked. */
  readonly bytes: number;
}

interface IndexFacts {
  readonly version: string;
  readonly environment: string | undefined;
  readonly madeAt: Date;
  readonly files: readonly IndexedFile[];
  readonly missing: readonly Missing[];
}

/** The first file of the archive: what is in it, and what is not and why. Markdown. */
function indexPage({ version, environment, madeAt, files, missing }: IndexFacts): string {
  const about =
    environment === undefined ? 'No environment: this machine only.' : `Environment: ${environment}`;
  return [
    '# Tracewright diagnosis',
    `Made by Tracewright ${version} at ${madeAt.toISOString()}. ${about}`,
    'Look through it before you pass it on. What is known to be a secret, or looks like one, stands here as `[redacted]`, in its' +
      '\ncopies in base64 as well. Names stay: of paths, machines, namespaces, images.',
    'To see what happened, begin with `environment/timeline.txt`, `environment/progress.json` and `cluster/pods.json`.',
    '## Inside',
    ['| file | bytes | what |', '| --- | ---: | --- |', ...files.map(fileRow)].join('\n'),
    '## Not collected',
    missing.length === 0
      ? 'Nothing is missing.'
      : missing.map(({ what, why }) => `- not collected: ${what}, ${oneLine(why)}`).join('\n'),
    '',
  ].join('\n\n');
}

function fileRow({ path, bytes, what }: IndexedFile): string {
  return `| ${path} | ${String(bytes)} | ${what} |`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}

interface ArchiveFile {
  readonly path: string;
  readonly text: string;
}

/**
 * A gzipped tar of small files below one folder, in the order given; only their owner may read what is unpacked.
 * @param folder its name, so that unpacking makes one folder
 */
async function packArchive(folder: string, files: readonly ArchiveFile[], mtime: Date): Promise<Buffer> {
  const tar = pack();
  const zipped = buffer(tar.pipe(createGzip()));
  for (const { path, text } of files) tar.entry({ name: `${folder}/${path}`, mode: 0o600, mtime }, text);
  tar.finalize();
  return zipped;
}
