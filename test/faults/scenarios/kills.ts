import type { Bed } from '../bed.js';
import { chain } from '../chain.js';
import { moments, reach, releaseSteps, stepNames, type Moment, type StepName } from '../moments.js';
import type { Blow, Scenario } from '../scenario.js';
import { apiServer, cli, helm, server, stoppedWorker, worker, type Victim } from '../victims.js';

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

/** One environment, its steps one after the other, each of them struck at its start, its middle and its end. */
function everyMoment(name: string, victim: Victim, steps: readonly StepName[] = stepNames): Scenario {
  return {
    name,
    options: chain,
    play: async (bed, dealt) => {
      for (const step of steps) for (const moment of moments) dealt(await blow(bed, victim, step, moment));
    },
  };
}

/** What needs the API server has one. */
const withCluster = stepNames.filter((name) => name !== 'cluster');

export const kills: readonly Scenario[] = [
  everyMoment('worker', worker),
  everyMoment('worker-stop', stoppedWorker),
  everyMoment('helm', helm, releaseSteps),
  everyMoment('server', server),
  everyMoment('api-server', apiServer, withCluster),
  everyMoment('cli', cli),
];
