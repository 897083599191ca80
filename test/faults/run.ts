import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { setup } from '../support/global-setup.js';
import { report } from './report.js';
import { isGood, playScenario, type Row } from './scenario.js';
import { scenarios } from './scenarios/index.js';

/**
 * The fault suite: `npm run test:faults`, or `npm run test:faults -- worker network` for the scenarios whose names
 * begin so. Real servers, real helm, real clusters, real kills. Prints a table; ends with 1 when a row is not as it
 * should be.
 */
const wanted = process.argv.slice(2);
const chosen = scenarios.filter(
  ({ name }) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)),
);
const reason = await whyUnsupported();

if (reason !== undefined) {
  console.error(`The fault suite needs the embedded cluster, which cannot run here: ${reason}`);
  process.exitCode = 1;
} else if (chosen.length === 0) {
  console.error(`There is no such scenario. There are: ${scenarios.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
} else {
  await setup();
  const rows: Row[] = [];
  const started = performance.now();
  for (const scenario of chosen) rows.push(...(await playScenario(scenario, say)));
  console.log(`\n${report(rows)}`);
  if (!rows.every(isGood)) process.exitCode = 1;

  function say(text: string): void {
    const seconds = Math.round((performance.now() - started) / 1_000);
    console.log(`${String(seconds).padStart(5)} s  ${text}`);
  }
}
