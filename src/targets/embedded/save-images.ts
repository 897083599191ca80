import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TracewrightError } from '../../domain/failure.js';
import type { OnProgress } from '../../tools/download-progress.js';
import { findProgram } from '../../tools/find-program.js';
import { runGo } from '../../tools/go/go.js';
import { withLock } from '../../tools/lock.js';
import { run } from '../../tools/process.js';
import { temporaryFolder } from '../../tools/writable-folder.js';
import { embeddedBuildHash, findEmbeddedBuild } from './build/store.js';
import { checkGo, pinnedGo } from './build/requirements.js';
import { findPrebuilt } from './download/prebuilt.js';
import { pullSettingsFile, writePullSettings, type ImagePulls } from './pulls.js';

export interface SaveImagesOptions {
  /** As the stack names them, with a digest where it is pinned. */
  readonly images: readonly string[];
  /** Absolute; made where it is not there. */
  readonly folder: string;
  readonly pulls: ImagePulls;
  /** The folder `embedded/`. */
  readonly sourceDir: string;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

const buildTimeoutMs = 30 * 60_000;

/** The `saved` of embedded/images/save.go. */
const line = z.object({
  image: z.string(),
  bytes: z.number(),
  done: z.boolean(),
  status: z.number().optional(),
  failure: z.string().optional(),
});

/**
 * Writes each image as an OCI archive for this machine's kind of processor; what is in the cache folder is not pulled.
 * @returns the size of all archives, in bytes
 * @throws TracewrightError `image.not-found`, `image.unavailable`, `build.*` where the program that pulls must be built
 *   first, `tool.cancelled`
 */
export async function saveImages(options: SaveImagesOptions): Promise<number> {
  const { images, folder, pulls, onProgress, signal } = options;
  const program = await provideProgram(options);
  const scratch = await temporaryFolder('tracewright-save-');
  let bytes = 0;
  let failed: z.infer<typeof line> | undefined;
  try {
    await writePullSettings({ images: scratch }, pulls);
    const waiting = [...images];
    onProgress(`saving ${waiting[0] ?? ''}`);
    await run(program, ['save', pullSettingsFile({ images: scratch }), folder], {
      input: `${images.join('\n')}\n`,
      signal,
      onLine: (text) => {
        if (!text.startsWith('{')) return; // its log
        const told = line.parse(JSON.parse(text));
        bytes += told.bytes;
        if (!told.done) failed = told;
        waiting.shift();
        if (waiting[0] !== undefined) onProgress(`saving ${waiting[0]}`);
      },
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  if (failed) throw cannotSave(failed);
  return bytes;
}

/** That of the embedded build, or of the package; where there is none, it alone is built, in about ten seconds. */
async function provideProgram({ pulls, sourceDir, onProgress, signal }: SaveImagesOptions): Promise<string> {
  const { cacheDir } = pulls;
  const build = await findEmbeddedBuild({ sourceDir, cacheDir });
  const built = build?.programs['image-proxy'];
  if (built !== undefined) return built;
  const prebuilt = await findPrebuilt('image-proxy', { sourceDir });
  if (typeof prebuilt !== 'string') return prebuilt.path;
  const cwd = join(sourceDir, 'images');
  const root = join(cacheDir, 'image-proxy');
  const folder = join(root, await embeddedBuildHash(cwd));
  const program = join(folder, 'image-proxy');
  await mkdir(root, { recursive: true, mode: 0o700 });
  await withLock(join(root, 'build.lock'), { timeoutMs: buildTimeoutMs, signal }, async () => {
    if ((await findProgram('image-proxy', folder)) !== undefined) return;
    await checkGo(signal);
    onProgress('building the program that pulls images');
    const caches = join(root, 'go');
    const scratch = `${folder}.partial`;
    await runGo(
      { cacheDir: caches, variables: pinnedGo, signal },
      {
        cwd,
        args: ['build', '-trimpath', '-ldflags=-s -w', '-o', join(scratch, 'image-proxy'), '.'],
        what: 'images',
      },
    );
    await rm(folder, { recursive: true, force: true });
    await rename(scratch, folder);
    await rm(caches, { recursive: true, force: true });
  });
  return program;
}

function cannotSave({ image, status, failure = 'no reason given' }: z.infer<typeof line>): TracewrightError {
  const missing = status === 404 || status === 403;
  return new TracewrightError({
    type: missing ? 'image.not-found' : 'image.unavailable',
    message: `The image ${image} cannot be saved: ${failure}.`,
    remedy: missing
      ? 'Correct the image in the stack file or in the values of its chart, or log in to its registry.'
      : 'Look at the network, then run it again: what was pulled is kept.',
  });
}
