import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterFolder } from '../../src/targets/embedded/folder.js';
import { createEmbeddedTarget } from '../../src/targets/embedded/target.js';
import { connectKubernetes } from '../../src/tools/kubernetes/connection.js';
import { createCli, type Cli } from '../e2e/cli.js';
import {
  clusterDifferences,
  snapshotCluster,
  touched,
  type ClusterSnapshot,
} from '../support/cluster-snapshot.js';
import { embeddedPrograms } from '../support/embedded-cluster.js';
import { testHelms, type TestHelm } from '../support/helm.js';
import { watchHost } from './host-rows.js';
import type { Row } from './row.js';
import { settleStrangers } from './strangers.js';

type Say = (text: string) => void;
type Kube = ReturnType<typeof connectKubernetes>;

/**
 * In milliseconds: Kubernetes itself collects what it made of what is gone, such as the API services of definitions.
 */
const settleMs = 60_000;

/** `up` and `down` with a cluster of our own: the host is what it was. */
export async function embeddedPart(say: Say): Promise<Row[]> {
  const part = 'embedded';
  const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-residue-'));
  const compare = await watchHost(part, { stateDir, cluster: clusterFolder(stateDir, 'embedded') });
  const cli = createCli(stateDir);
  try {
    await succeed(say, part, cli, ['up', '--stack', 'embedded', '--target', 'embedded']);
    await succeed(say, part, cli, ['down']);
    return await compare();
  } finally {
    await cli.run('down');
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** `up` and `down` on a cluster in which others live: they and their cluster are what they were, and so is the host. */
export async function sharedPart(say: Say): Promise<Row[]> {
  const part = 'shared';
  const [stateDir, clusterDir] = (await Promise.all(
    ['residue', 'shared'].map((name) => mkdtemp(join(tmpdir(), `tracewright-${name}-`))),
  )) as [string, string];
  const compareHost = await watchHost(part, { stateDir, cluster: clusterFolder(clusterDir, part) });
  const target = createEmbeddedTarget({ name: part, stateDir: clusterDir, build: await embeddedPrograms() });
  const cli = createCli(stateDir);
  try {
    const { kubeconfigPath } = await target.create({
      onProgress: (text) => {
        say(`${part}: ${text}`);
      },
    });
    const kube = connectKubernetes({ kubeconfigPath });
    const rows = await compareCluster(say, part, kube, async () => {
      const cluster = ['--target', 'kubeconfig', '--kubeconfig', kubeconfigPath];
      await succeed(say, part, cli, ['up', '--stack', 'embedded', ...cluster]);
      await succeed(say, part, cli, ['down']);
    });
    kube.close();
    await target.delete();
    return [...rows, ...(await compareHost())];
  } finally {
    await cli.run('down');
    await target.delete();
    for (const folder of [stateDir, clusterDir]) await rm(folder, { recursive: true, force: true });
  }
}

async function compareCluster(say: Say, part: string, kube: Kube, work: () => Promise<void>): Promise<Row[]> {
  const strangers = await settleStrangers(kube, testHelms[0] as TestHelm);
  say(`${part}: strangers live in the cluster: ${String(strangers.length)} objects of theirs are watched`);
  const before = await untilStill(kube);
  await work();
  const after = await untilSame(kube, before);
  return [
    {
      part,
      what: `objects of ${String(before.kinds)} kinds, all namespaces`,
      before: before.objects.size,
      differences: clusterDifferences(before, after),
    },
    {
      part,
      what: "strangers' objects, by uid and version",
      before: strangers.length,
      differences: touched(before, after, strangers),
    },
  ];
}

/** What controllers make of the strangers' objects comes a moment after them. */
async function untilStill(kube: Kube): Promise<ClusterSnapshot> {
  for (let last = await snapshotCluster(kube); ;) {
    await sleep(5_000);
    const now = await snapshotCluster(kube);
    const versions = (it: ClusterSnapshot): string =>
      [...it.objects]
        .map(([name, { digest }]) => `${name} ${digest}`)
        .sort()
        .join('\n');
    if (versions(last) === versions(now)) return now;
    last = now;
  }
}

async function untilSame(kube: Kube, before: ClusterSnapshot): Promise<ClusterSnapshot> {
  for (const deadline = Date.now() + settleMs; ;) {
    const now = await snapshotCluster(kube);
    if (clusterDifferences(before, now).length === 0 || Date.now() >= deadline) return now;
    await sleep(1_000);
  }
}

/** @throws Error with all that the command said, unless it ends with 0 */
async function succeed(say: Say, part: string, cli: Cli, args: readonly string[]): Promise<void> {
  say(`${part}: tracewright ${args.join(' ')}`);
  const { exitCode, stdout, stderr } = await cli.run(...args);
  if (exitCode !== 0)
    throw new Error(`${args.join(' ')} ended with ${String(exitCode)}:\n${stdout}\n${stderr}`);
}
