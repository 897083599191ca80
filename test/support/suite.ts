import { report } from '../faults/report.js';
import { isGood, type Row } from '../faults/scenario.js';
import { setup } from './global-setup.js';

/** What a suite plays; its rows are those of the table. */
export interface Playable {
  /** For the filter of the command line. */
  readonly name: string;
  readonly play: (say: (text: string) => void) => Promise<readonly Row[]>;
}

/**
 * Plays the scenarios whose names begin with one of the arguments of the command line, all without arguments, and prints
 * a table. The process ends with 1 when a row is not as it should be, and with 2 when no scenario has such a name.
 * @param atOnce how many play side by side; in the table they keep their order
 */
export async function playSuite(scenarios: readonly Playable[], atOnce = 1): Promise<void> {
  const wanted = process.argv.slice(2);
  const chosen = scenarios.filter(
    ({ name }) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)),
  );
  if (chosen.length === 0) {
    console.error(`There is no such scenario. There are: ${scenarios.map(({ name }) => name).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  await setup();
  const played: (readonly Row[])[] = [];
  const started = performance.now();
  const say = (text: string): void => {
    const seconds = Math.round((performance.now() - started) / 1_000);
    console.log(`${String(seconds).padStart(5)} s  ${text}`);
  };
  // Whoever is done takes the next one.
  const next = chosen.entries();
  const playOn = async (): Promise<void> => {
    for (const [index, { play }] of next) played[index] = await play(say);
  };
  await Promise.all(Array.from({ length: atOnce }, playOn));
  const rows = played.flat();
  console.log(`\n${report(rows)}`);
  if (!rows.every(isGood)) process.exitCode = 1;
}
