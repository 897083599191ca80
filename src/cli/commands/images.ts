import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import { pinnedImage } from '../../domain/images.js';
import { lockPathOf, readLock } from '../../lock/lock-file.js';
import { imagesOfStack } from '../../lock/make-lock.js';
import { loadStack } from '../../stack-file.js';
import { nodeImages } from '../../targets/embedded/download/pins.js';
import { saveImages } from '../../targets/embedded/save-images.js';
import { embeddedSourceDir } from '../../targets/open-target.js';
import { provideHelm } from '../../tools/helm-binary.js';
import { createHelm } from '../../tools/helm/helm.js';
import { temporaryFolder } from '../../tools/writable-folder.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { applyParameters } from '../parameters/choose.js';
import { readParameters, type ParameterOptions } from '../parameters/read.js';
import { builtInStacks, embeddedImages, withChartsFrom, type SourceOptions } from '../stack-sources.js';
import { progressNotes } from '../views/progress-notes.js';

export interface SaveOptions extends SourceOptions, ParameterOptions {
  stack: string;
  /** A folder, made where it is not there. */
  to: string;
}

/**
 * Writes the images of a stack as archives into a folder, by the digests of its lock file where it has one.
 * @throws TracewrightError `usage.invalid`, `chart.*`, `image.*`, `lock.invalid`, `build.*`
 */
export async function saveStackImages(context: CliContext, options: SaveOptions): Promise<ExitCode> {
  const { config, signal, print } = context;
  const loaded = await loadStack(options.stack, { builtInDir: builtInStacks });
  const source = embeddedImages(loaded.stack, options.imagesFrom);
  if (!source) throw nothingToSave(loaded.stack.name);
  const parameters = { parameters: (await readParameters(options)) ?? [], kept: false };
  const stack = await withChartsFrom(applyParameters(loaded.stack, parameters), options.chartsFrom);
  const lock = await readLock(lockPathOf(loaded.path));
  const onProgress = progressNotes(context);
  const scratch = await temporaryFolder('tracewright-images-');
  try {
    const { path: binary } = await provideHelm({ ...config, onProgress, signal });
    const helm = createHelm({
      binary,
      homeDir: join(scratch, 'helm'),
      kubeconfigPath: join(scratch, 'none'),
    });
    const names = await imagesOfStack(stack, { helm, cacheDir: scratch, onProgress, signal });
    // A node that is downloaded itself pulls these two.
    const ofNode = source.built ? [] : Object.values(nodeImages);
    const images = [...new Set([...names, ...ofNode])].map((name) => {
      const digest = lock?.images[name];
      return digest === undefined ? name : pinnedImage(name, digest);
    });
    const bytes = await saveImages({
      images,
      folder: resolve(options.to),
      pulls: { ...source, cacheDir: config.cacheDir, cacheBytes: config.imageCacheBytes },
      sourceDir: embeddedSourceDir,
      onProgress,
      signal,
    });
    print(
      `${resolve(options.to)}: ${String(images.length)} images, ${String(Math.round(bytes / 1e6))} MB for ${process.arch}`,
    );
    return exitCodes.ok;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function nothingToSave(name: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `The stack "${name}" has no images to save: they are built with the embedded cluster.`,
    remedy: 'Name another stack with --stack.',
  });
}
