import { statfs } from 'node:fs/promises';
import { check, type Check, type Finding } from '../../domain/check.js';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { run } from '../../tools/process.js';
import { nearestExisting } from '../../tools/writable-folder.js';
import { checkInotify, inotifyOfEmbedded, checkMemory, checkOpenFiles } from '../limits.js';
import { checkGo } from './build/go.js';
import { requireRoom } from './build/room.js';
import { buildPlaces, findEmbeddedBuild } from './build/store.js';
import { checkHost, unsupported } from './host.js';
import { clusterFolder, readNodeStatus } from './folder.js';
import { planHostPrograms } from './packages.js';

export interface EmbeddedPreflightOptions {
  /** The name of the cluster that is to be. */
  readonly name: string;
  readonly stateDir: string;
  readonly cacheDir: string;
  /** The folder `embedded/`. */
  readonly sourceDir: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a cluster keeps in the state folder: its images, unpacked, and its data. In bytes. */
const clusterBytes = 2 * 2 ** 30;

/**
 * Looks whether this machine can build and run the embedded cluster, in about 50 ms. Starts and changes nothing. The
 * checks are the same ones that the build and the cluster make, long before they would.
 */
export async function preflightEmbedded(options: EmbeddedPreflightOptions): Promise<Check[]> {
  const checks = await Promise.all([
    check('machine', async () => {
      await checkHost();
      return 'Linux, as root.';
    }),
    check('namespaces', () => namespaces(options.signal)),
    check('system packages', systemPackages),
    check('disk room', () => clusterRoom(options)),
    check('memory', checkMemory),
    check('open files', checkOpenFiles),
    check('inotify', () => checkInotify(inotifyOfEmbedded)),
    ...buildChecks(options),
  ]);
  // Whoever is not root cannot make namespaces either, nor install packages: one reason is enough.
  return checks.some(({ name, state }) => name === 'machine' && state === 'failed')
    ? checks.filter(({ name }) => name !== 'namespaces' && name !== 'system packages')
    : checks;
}

/** Those that the node program makes. Containers may forbid them even to root. */
async function namespaces(signal: AbortSignal | undefined): Promise<string> {
  const kinds = ['--mount', '--net', '--pid', '--ipc', '--uts'];
  try {
    await run('unshare', [...kinds, '--fork', 'true'], { signal, timeoutMs: 5_000 });
    return 'Namespaces can be made.';
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    const refusal = error.evidence.find((line) => line.includes('unshare failed'));
    // Without the program, for one, nothing is known, and the start of the cluster will tell.
    if (refusal === undefined) return 'Could not be tried with `unshare`.';
    throw unsupported(`This machine does not let us make namespaces (${refusal}).`);
  }
}

async function systemPackages(): Promise<Finding> {
  const packages = await planHostPrograms();
  if (packages.length === 0) return 'All are installed.';
  return {
    state: 'warning',
    detail: `Missing system packages will be installed with apt-get: ${packages.join(', ')}.`,
    remedy: 'Nothing. No service of theirs is started or enabled.',
  };
}

async function clusterRoom({ stateDir, name }: EmbeddedPreflightOptions): Promise<string> {
  if (await readNodeStatus(clusterFolder(stateDir, name))) return 'The cluster has its files already.';
  const { bavail, bsize } = await statfs(await nearestExisting(stateDir));
  const free = bavail * bsize;
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  if (free >= clusterBytes) return `${gib(free)} are free for the cluster.`;
  throw new TracewrightError({
    type: 'state.disk-full',
    message: `The embedded cluster needs ${gib(clusterBytes)}; the disk of ${stateDir} has ${gib(free)} free.`,
    remedy: 'Make room, or set TRACEWRIGHT_STATE_DIR to a folder on a larger disk.',
  });
}

/** What only a build needs: Go, and room for its caches. */
function buildChecks({ sourceDir, cacheDir, signal }: EmbeddedPreflightOptions): Promise<Check>[] {
  const found = findEmbeddedBuild({ sourceDir, cacheDir });
  return [
    check('build', async () => {
      if (await found) return 'The cluster is built.';
      return {
        state: 'warning',
        detail: 'The embedded cluster is built first: about ten minutes on 2 cores, once.',
        remedy: 'Nothing. It needs the Go module proxy; what was done is kept if it is interrupted.',
      };
    }),
    check('go', async () => {
      if (await found) return 'Not needed: the cluster is built.';
      return `Go ${await checkGo({ cacheDir: buildPlaces(cacheDir, '').go, signal })}.`;
    }),
    check('build room', async () => {
      if (await found) return 'Not needed: the cluster is built.';
      const { root, go } = buildPlaces(cacheDir, '');
      await requireRoom({ root: await nearestExisting(root), go });
      return 'There is room for the build.';
    }),
  ];
}
