import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterFolder } from '../../../src/targets/embedded/folder.js';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import { embeddedPrograms } from '../../support/embedded-cluster.js';
import type { Bed } from '../bed.js';
import { chain } from '../chain.js';
import { isOver, isRunning, reach, type StepName } from '../moments.js';
import type { Blow, Scenario } from '../scenario.js';
import { apiServer, cli, helm, server, stoppedWorker, worker, type Victim } from '../victims.js';

/** In the order in which a teardown comes to them; each is met once, so each has one victim. */
const removals: readonly (readonly [StepName, Victim])[] = [
  ['hotrod', cli],
  ['collector', worker],
  ['operator', stoppedWorker],
  ['cert-manager', server],
  ['prometheus-stack', apiServer],
  ['trace-store', helm],
];

/** A cluster that is there before and after the environment, so that each step has to be taken away by itself. */
async function inAnothersCluster(): ReturnType<NonNullable<Scenario['options']>> {
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-host-'));
  const place = { name: 'host', stateDir: folder };
  const target = createEmbeddedTarget({ ...place, build: await embeddedPrograms() });
  const { kubeconfigPath } = await target.create({ onProgress: () => undefined });
  const { bed, close } = await chain();
  return {
    bed: {
      up: [...bed.up, '--target', 'kubeconfig', '--kubeconfig', kubeconfigPath],
      cluster: clusterFolder(folder, place.name),
    },
    close: async () => {
      await target.delete();
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Strikes while the step is being taken away, and waits until the removal goes on. */
async function blowAtRemoval(bed: Bed, victim: Victim, step: StepName): Promise<Blow> {
  bed.follow();
  const reached = await reach(bed, step, 'start');
  const what = `${victim.name}, removal of ${step}`;
  const result = await victim.strike(bed, step);
  bed.follow();
  if (typeof result === 'string') return { what, recoveredMs: 0, note: result };
  return {
    what,
    recoveredMs: result,
    ...(reached === 'passed' && { note: 'the removal was over before' }),
  };
}

interface Listed {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly namespace: string } }[];
}

/** Releases and workloads of the stack that are still in the cluster. */
async function leftIn(bed: Bed): Promise<string[]> {
  const kube = bed.kube();
  if (!kube) return ['a cluster that cannot be asked'];
  const paths = ['/api/v1/secrets', '/apis/apps/v1/deployments', '/apis/apps/v1/statefulsets'];
  const lists = await Promise.all(paths.map((path) => kube.json<Listed>({ path })));
  return lists
    .flatMap(({ items }) => items)
    .filter(({ metadata }) => metadata.namespace !== 'kube-system')
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

/** Under a `down` that follows: the very same command brings it back, and says at its end that all is well. */
async function killUnderDown(bed: Bed, name: 'worker' | 'server'): Promise<Blow> {
  const following = bed.follow();
  await reach(bed, 'cluster', 'start');
  await bed.kill(await bed.daemon(name));
  const recoveredMs = await bed.until('the removal of the cluster to go on', async () => {
    const snapshot = await bed.look();
    return following.child.exitCode === 0 || isRunning(snapshot, 'cluster') || isOver(snapshot, 'cluster');
  });
  return { what: `kill -9 of the ${name} under down, removal of the cluster`, recoveredMs };
}

/** One that is begun while the trace store installs: its helm has to be ended first. */
function ownCluster(name: 'worker' | 'server'): Scenario {
  return {
    name: `teardown-${name}`,
    options: chain,
    installs: false,
    play: async (bed) => {
      bed.follow();
      await reach(bed, 'trace-store', 'middle');
    },
    takeAway: async (bed, dealt) => {
      const down = await bed.tearDown();
      dealt(await killUnderDown(bed, name));
      await bed.run(down);
    },
  };
}

export const teardown: readonly Scenario[] = [
  {
    name: 'teardown-steps',
    options: inAnothersCluster,
    play: async (bed) => {
      await bed.run(bed.follow());
    },
    takeAway: async (bed, dealt) => {
      await bed.tearDown();
      for (const [step, victim] of removals) dealt(await blowAtRemoval(bed, victim, step));
      await bed.run(bed.follow());
      const left = await leftIn(bed);
      if (left.length > 0) throw new Error(`The cluster still has ${left.join(', ')}.`);
    },
  },
  ownCluster('worker'),
  ownCluster('server'),
];
