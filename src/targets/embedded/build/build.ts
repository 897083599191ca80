import { mkdir } from 'node:fs/promises';
import { diskFailure } from '../../../tools/go/failure.js';
import { withLock } from '../../../tools/lock.js';
import type { ProcessOwner } from '../../../tools/process.js';
import { runTaskGroup } from '../../../tools/task-group.js';
import { readCatalog } from './catalog.js';
import type { OnBuildProgress } from './progress.js';
import { checkGo, requireDiskSpace } from './requirements.js';
import { buildPlaces, embeddedBuildHash, readBuild, type EmbeddedBuild } from './store.js';
import { BuildWorkspace } from './workspace.js';

/** Longer than any build takes: whoever waits for another one's finds it done. In milliseconds. */
const lockTimeoutMs = 2 * 3_600_000;

export interface BuildOptions {
  /** The folder `embedded/` with the sources and programs.yaml. */
  sourceDir: string;
  /** A build lands in `<cacheDir>/embedded/<hash>`. */
  cacheDir: string;
  onProgress?: OnBuildProgress;
  /** On top of those of this process: PATH, and where modules come from. @default none */
  variables?: Readonly<Record<string, string | undefined>> | undefined;
  /** Ends Go and everything that it started. What was done is kept, and the next call goes on from there. */
  signal?: AbortSignal | undefined;
  /** Of every program of the build, which may outlive a killed worker: two builds in one folder must not meet. */
  owner?: ProcessOwner | undefined;
  /** Folders of older builds that must stay, because a cluster runs from them. @default none */
  keep?: readonly string[];
  /**
   * Leave Go's caches, several GiB: for who works on the sources, whose next build then takes a minute. @default false
   */
  keepGoCaches?: boolean;
}

/**
 * Builds everything that runs in the embedded cluster, or finds it built. Two calls at once, also of two processes,
 * make one build. Older builds are removed, and so are Go's caches, which hold several times as much as the build.
 * @throws TracewrightError `build.*`, `state.locked`, `tool.cancelled`, `step.cancelled`
 */
export async function buildEmbedded(options: BuildOptions): Promise<EmbeddedBuild> {
  const { sourceDir, cacheDir, signal } = options;
  const hash = await embeddedBuildHash(sourceDir);
  const found = await readBuild(cacheDir, hash);
  if (found) return found;
  const places = buildPlaces(cacheDir, hash);
  await mkdir(places.root, { recursive: true, mode: 0o700 });
  const version = await checkGo(signal, options.variables);
  options.onProgress?.({ program: 'go', percent: 0, detail: `Go ${version}` });
  return withLock(places.lock, { timeoutMs: lockTimeoutMs, signal }, async () => {
    try {
      return (await readBuild(cacheDir, hash)) ?? (await make(options, hash));
    } catch (error) {
      throw diskFailure(error, places.root);
    }
  });
}

async function make(options: BuildOptions, hash: string): Promise<EmbeddedBuild> {
  const catalog = await readCatalog(options.sourceDir);
  await requireDiskSpace(buildPlaces(options.cacheDir, hash));
  return runTaskGroup(options.signal, async (group) => {
    const workspace = await BuildWorkspace.open({ ...options, catalog, hash, signal: group.signal });
    await group.all(workspace.start());
    const { go } = buildPlaces(options.cacheDir, hash);
    return workspace.publish([...(options.keep ?? []), ...(options.keepGoCaches ? [go] : [])]);
  });
}
