import type { Bed } from '../bed.js';
import { chain } from '../chain.js';
import {
  isOver,
  isRunning,
  moments,
  reach,
  releaseSteps,
  stepNames,
  type Moment,
  type StepName,
} from '../moments.js';
import type { Blow, Scenario } from '../scenario.js';
import {
  apiServer,
  cli,
  helm,
  killEverything,
  machine,
  server,
  stoppedWorker,
  worker,
  type Victim,
} from '../victims.js';

/** Kills the victim when the step is at that moment, and waits until things go on. */
export async function blow(bed: Bed, victim: Victim, step: StepName, moment: Moment): Promise<Blow> {
  const what = `${victim.name}, ${step} at its ${moment}`;
  bed.follow();
  const reached = await reach(bed, step, moment);
  const result = await victim.strike(bed, step);
  bed.follow();
  const late = reached === 'passed' ? 'the step was over before' : undefined;
  if (typeof result === 'string') return { what, recoveredMs: 0, note: result };
  return { what, recoveredMs: result, ...(late !== undefined && { note: late }) };
}

/**
 * Lets the environment come to this step and to none behind it: blows take long, and the next step is to be met at its
 * start.
 */
async function comeTo(bed: Bed, step: StepName): Promise<void> {
  await bed.until(`${step} to come`, async () => {
    bed.follow();
    const snapshot = await bed.look();
    if (isRunning(snapshot, step) || isOver(snapshot, step)) return true;
    if (snapshot?.progress.paused) await bed.decide('resume');
    return false;
  });
  // Nothing is behind the last one; and an `up` of what is proved and paused would wait for ever.
  if (step !== stepNames.at(-1) && !(await bed.look())?.progress.paused) await bed.decide('pause');
}

/** One environment, its steps one after the other, each of them struck at these moments. */
function everyStep(
  name: string,
  victim: Victim,
  { steps = stepNames, at = moments }: { steps?: readonly StepName[]; at?: readonly Moment[] } = {},
): Scenario {
  return {
    name,
    options: chain,
    play: async (bed, dealt) => {
      for (const step of steps) {
        await comeTo(bed, step);
        for (const moment of at) dealt(await blow(bed, victim, step, moment));
      }
      if ((await bed.look())?.progress.paused) await bed.decide('resume');
    },
  };
}

/** What needs the API server has one. */
const withCluster = stepNames.filter((name) => name !== 'cluster');

export const kills: readonly Scenario[] = [
  everyStep('worker', worker),
  everyStep('worker-stop', stoppedWorker),
  everyStep('helm', helm, { steps: releaseSteps }),
  // A step goes on while the server is away, and is over when it is back: one environment for each moment.
  ...moments.map((moment) => everyStep(`server-${moment}`, server, { at: [moment] })),
  everyStep('api-server', apiServer, { steps: withCluster }),
  everyStep('cli', cli),
  everyStep('machine', machine, { at: ['middle'] }),
  {
    name: 'machine-ready',
    play: async (bed, dealt) => {
      await bed.run(bed.follow());
      await killEverything(bed);
      const started = performance.now();
      await bed.run(bed.follow());
      const recoveredMs = performance.now() - started;
      dealt({ what: `${machine.name}, when it was Ready`, recoveredMs, note: 'until it was proved again' });
    },
  },
];
