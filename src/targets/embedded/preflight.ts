import { statfs } from 'node:fs/promises';
import { check, type Check, type Finding } from '../../domain/check.js';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { run } from '../../tools/process.js';
import { nearestExisting } from '../../tools/writable-folder.js';
import { checkKernelLimits } from '../kernel-limits.js';
import { checkMemory, checkOpenFiles, gib } from '../limits.js';
import { checkGo, requireDiskSpace } from './build/requirements.js';
import { buildPlaces } from './build/store.js';
import { whyNoAnswer } from './download/kubernetes.js';
import { checkHost, checkStateFolder, unsupported } from './host.js';
import { clusterFolder, readNodeStatus } from './folder.js';
import { planHostPrograms } from './packages.js';
import { findNode } from './processes.js';
import { noAnswer, waysToPrograms, type ProgramsQuestion, type ProgramsWay } from './provide.js';

export interface EmbeddedPreflightOptions {
  /** The name of the cluster that is to be. */
  readonly name: string;
  readonly stateDir: string;
  readonly question: ProgramsQuestion;
  /** What the stack wants published of a k3d cluster, such as `8080:80@loadbalancer`. @default none */
  readonly ports?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** What a cluster keeps in the state folder: its images, unpacked, and its data. In bytes. */
const clusterBytes = 2 * 2 ** 30;

/**
 * Looks whether this machine can build and run the embedded cluster, in about 50 ms. Starts and changes nothing. The
 * checks are the same ones that the build and the cluster make, long before they would.
 */
export async function preflightEmbedded(options: EmbeddedPreflightOptions): Promise<Check[]> {
  const { question } = options;
  const way = waysToPrograms(question);
  const runs = findNode(clusterFolder(options.stateDir, options.name).id).then(
    (node) => node !== undefined,
    () => false,
  );
  const checks = await Promise.all([
    check('machine', async () => {
      await checkHost();
      return 'Linux, as root.';
    }),
    check('namespaces', () => namespaces(options.signal)),
    check('system packages', async () =>
      systemPackages(
        await way.then(
          ({ own }) => own,
          () => [],
        ),
      ),
    ),
    check('disk room', () => clusterRoom(options)),
    check('memory', async () => checkMemory(await runs)),
    check('open files', checkOpenFiles),
    check('kernel limits', async () =>
      (await runs) ? 'The cluster has taken its share already.' : checkKernelLimits(),
    ),
    ...(options.ports?.length ? [check('load balancer', () => loadBalancer(options.ports))] : []),
  ]).then(async (some) => [...some, ...(await programChecks(question, way))]);
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

async function systemPackages(own: readonly string[]): Promise<Finding> {
  const packages = await planHostPrograms(own);
  if (packages.length === 0) return 'All are installed.';
  return {
    state: 'warning',
    detail: `Missing system packages will be installed with apt-get: ${packages.join(', ')}.`,
    remedy: 'Nothing. No service of theirs is started or enabled.',
  };
}

/** What only k3s brings. */
function loadBalancer(ports: readonly string[] = []): Promise<Finding> {
  const published = ports.map((port) => port.split(':')[0]).join(' and ');
  return Promise.resolve({
    state: 'warning',
    detail: `Nothing will listen on the stack's ports ${published}: the load balancer and Traefik are parts of k3s.`,
    remedy: 'Nothing: `tracewright open` makes every page of the stack reachable.',
  });
}

async function clusterRoom({ stateDir, name }: EmbeddedPreflightOptions): Promise<string> {
  if (await readNodeStatus(clusterFolder(stateDir, name))) return 'The cluster has its files already.';
  await checkStateFolder(stateDir);
  const { bavail, bsize } = await statfs(await nearestExisting(stateDir));
  const free = bavail * bsize;
  if (free >= clusterBytes) return `${gib(free)} are free for the cluster.`;
  throw new TracewrightError({
    type: 'state.disk-full',
    message: `The embedded cluster needs ${gib(clusterBytes)}; the disk of ${stateDir} has ${gib(free)} free.`,
    remedy: 'Make room, or set TRACEWRIGHT_STATE_DIR to a folder on a larger disk.',
  });
}

/** How the programs come, and what that needs: Go and room for its caches, or the publishers. */
async function programChecks(question: ProgramsQuestion, looking: Promise<ProgramsWay>): Promise<Check[]> {
  let found: ProgramsWay;
  try {
    found = await looking;
  } catch (error) {
    return [
      await check('go', () => {
        throw error;
      }),
    ];
  }
  const { way, have } = found;
  if (have) {
    const done = way === 'build' ? 'built' : 'downloaded';
    const says = (text: string) => () => Promise.resolve(text);
    const notNeeded = says(`Not needed: the cluster is ${done}.`);
    return Promise.all([
      check('build', says(`The cluster is ${done}.`)),
      check('go', notNeeded),
      check('build room', notNeeded),
    ]);
  }
  return Promise.all(
    way === 'build' ? buildChecks(question) : [check('download', () => canDownload(question))],
  );
}

function buildChecks({ cacheDir, signal }: ProgramsQuestion): Promise<Check>[] {
  const [detail, remedy] = [
    'The embedded cluster is built first: about ten minutes on 2 cores, once.',
    'Nothing. It needs the Go module proxy; what was done is kept if it is interrupted.',
  ];
  return [
    check('build', () => Promise.resolve<Finding>({ state: 'warning', detail, remedy })),
    check('go', async () => `Go ${await checkGo(signal)}.`),
    check('build room', async () => {
      const { root, go } = buildPlaces(cacheDir, '');
      await requireDiskSpace({ root: await nearestExisting(root), go });
      return 'There is room for the build.';
    }),
  ];
}

async function canDownload(question: ProgramsQuestion): Promise<Finding> {
  const reason = await whyNoAnswer(question);
  if (reason !== undefined) throw noAnswer(reason);
  return {
    state: 'warning',
    detail: 'There is no Go: the published programs of Kubernetes are downloaded first, about 500 MB, once.',
    remedy: 'Nothing; what came in is kept if it is interrupted.',
  };
}
