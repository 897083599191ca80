import { clusterProcesses } from '../../../src/targets/embedded/processes.js';
import { isAlive } from '../../../src/tools/process-identity.js';
import type { Bed } from '../bed.js';
import { attemptOf, reach, stepNames, type StepName } from '../moments.js';
import type { Blow, Scenario } from '../scenario.js';

/**
 * What a power cut leaves: files, and nothing that runs. Command, worker, Temporal server, tools and the cluster are killed at
 * once. One `up` has to bring the environment to its proof.
 */
async function powerCut(bed: Bed, when: string): Promise<Blow> {
  const tools = await Promise.all(stepNames.map((step) => attemptOf(bed, step)));
  const victims = [
    await bed.daemon('worker'),
    await bed.daemon('server'),
    ...tools.flatMap((attempt) => attempt?.processes ?? []),
    ...(await clusterProcesses(bed.cluster.id)),
  ];
  const command = bed.leave();
  for (const { pid } of victims) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await command;
  await bed.until('the end of everything', async () => {
    const running = await Promise.all(victims.map((victim) => isAlive(victim)));
    return !running.includes(true);
  });
  const started = performance.now();
  await bed.run(bed.follow());
  return {
    what: `everything on the machine killed at once, ${when}`,
    recoveredMs: performance.now() - started,
    note: 'until it was proved',
  };
}

async function cutAt(bed: Bed, step: StepName): Promise<Blow> {
  bed.follow();
  await reach(bed, step, 'middle');
  return powerCut(bed, `${step} at its middle`);
}

export const machine: readonly Scenario[] = [
  {
    name: 'machine-cluster',
    play: async (bed, dealt) => {
      dealt(await cutAt(bed, 'cluster'));
      dealt(await powerCut(bed, 'when it was Ready'));
    },
  },
  {
    name: 'machine-operator',
    play: async (bed, dealt) => {
      dealt(await cutAt(bed, 'operator'));
    },
  },
];
