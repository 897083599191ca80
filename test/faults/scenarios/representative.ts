import { chain } from '../chain.js';
import type { Scenario } from '../scenario.js';
import { apiServer, cli, helm, machine, server, stoppedWorker, worker } from '../victims.js';
import { blow } from './kills.js';
import { sameUpdateAgain, tearDownTwice } from './messages.js';

/**
 * One environment from its first step to its last, with a fault of another kind at each: what every change is tested
 * with.
 */
export const representative: Scenario = {
  name: 'representative',
  options: chain,
  play: async (bed, dealt) => {
    dealt(await blow(bed, worker, 'cluster', 'middle'));
    dealt(await blow(bed, helm, 'trace-store', 'middle'));
    dealt(await blow(bed, apiServer, 'prometheus-stack', 'middle'));
    dealt(await blow(bed, stoppedWorker, 'cert-manager', 'middle'));
    dealt(await blow(bed, machine, 'operator', 'middle'));
    dealt(await blow(bed, worker, 'operator', 'end'));
    dealt(await blow(bed, server, 'collector', 'start'));
    dealt(await blow(bed, cli, 'verification', 'start'));
    await bed.run(bed.follow());
    dealt(await sameUpdateAgain(bed, 'verify'));
  },
  takeAway: async (bed, dealt) => {
    dealt(await tearDownTwice(bed));
  },
};
