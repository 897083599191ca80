import { parseArgs } from 'node:util';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { setup } from '../support/global-setup.js';
import { playRound, type Round } from './round.js';

/**
 * Random kills: `npm run test:chaos -- --seed N --rounds M`, and `--from K` to begin with a later round of the seed.
 * Real servers, real clusters, real kills. The seed fixes what is done and after which pauses; what runs at that moment
 * is the machine's. Prints a line a round; ends with 1 when one is not as it should be.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    rounds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
  },
});
const [seed, rounds, from] = [values.seed, values.rounds, values.from].map(Number) as [
  number,
  number,
  number,
];
const reason = await whyUnsupported();

if (reason !== undefined) {
  console.error(`The embedded cluster, which this needs, cannot run here: ${reason}`);
  process.exitCode = 1;
} else if (![seed, rounds, from].every((number) => Number.isSafeInteger(number) && number >= 0)) {
  console.error('--seed, --rounds and --from take whole numbers.');
  process.exitCode = 2;
} else {
  await setup();
  console.log(`seed ${String(seed)}, ${String(rounds)} rounds`);
  const bad: Round[] = [];
  for (let round = from; round < from + rounds; round += 1) {
    const played = await playRound(seed, round);
    console.log(lineOf(played));
    if (played.wrong.length > 0) bad.push(played);
  }
  console.log(
    `${String(rounds - bad.length)} of ${String(rounds)} rounds of seed ${String(seed)} as they should be.`,
  );
  if (bad.length > 0) process.exitCode = 1;
}

function lineOf({ round, work, strikes, wrong, seconds }: Round): string {
  const end = wrong.length === 0 ? 'well' : `NOT WELL\n    ${wrong.join('\n').replaceAll('\n', '\n    ')}`;
  return `${String(round).padStart(3)}  ${work.padEnd(8)} ${String(seconds).padStart(4)} s  ${strikes.join(', ')}: ${end}`;
}
