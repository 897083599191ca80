import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { playSuite } from '../support/suite.js';
import { playScenario } from './scenario.js';
import { scenarios } from './scenarios/index.js';

/**
 * The fault suite: `npm run test:faults`, or `npm run test:faults -- worker network` for the scenarios whose names
 * begin so. Real servers, real helm, real clusters, real kills. Prints a table; ends with 1 when a row is not as it
 * should be.
 */
/** Each waits most of its time, and has a state folder, a server and a cluster of its own. */
const atOnce = 2;
const reason = await whyUnsupported();
if (reason === undefined)
  await playSuite(
    scenarios.map((scenario) => ({
      name: scenario.name,
      play: (say) => playScenario(scenario, say),
    })),
    atOnce,
  );
else {
  console.error(`The fault suite needs the embedded cluster, which cannot run here: ${reason}`);
  process.exitCode = 1;
}
