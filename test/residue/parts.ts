import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterFolder } from '../../src/targets/embedded/folder.js';
import { createEmbeddedTarget } from '../../src/targets/embedded/target.js';
import { connectKubernetes } from '../../src/tools/kubernetes/connection.js';
import { createCli, type Cli } from '../e2e/cli.js';
import {
  clusterDifferences,
  snapshotWhenAsBefore,
  snapshotWhenStill,
  touched,
} from '../support/cluster-snapshot.js';
import { embeddedPrograms } from '../support/embedded-cluster.js';
import { testHelms, type TestHelm } from '../support/helm.js';
import { watchHost } from './host-rows.js';
import type { Row } from './row.js';
import { settleStrangers } from './strangers.js';

type Say = (text: string) => void;
type Kube = ReturnType<typeof connectKubernetes>;

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
  const before = await snapshotWhenStill(kube);
  await work();
  const after = await snapshotWhenAsBefore(kube, before);
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

/** @throws Error with all that the command said, unless it ends with 0 */
async function succeed(say: Say, part: string, cli: Cli, args: readonly string[]): Promise<void> {
  say(`${part}: tracewright ${args.join(' ')}`);
  const { exitCode, stdout, stderr } = await cli.run(...args);
  if (exitCode !== 0)
    throw new Error(`${args.join(' ')} ended with ${String(exitCode)}:\n${stdout}\n${stderr}`);
}
