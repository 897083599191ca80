import { snapshotHost } from '../support/host-snapshot.js';
import { Bed, type BedOptions } from './bed.js';
import { doubledEffects } from './effects.js';
import { watchOverlap } from './overlap.js';
import { residueOf } from './residue.js';

/** One thing that was done to an environment. */
export interface Blow {
  /** Such as `kill -9 of the worker, trace-store at its middle`. */
  readonly what: string;
  /** From the blow until it went on; `undefined` when it did not. */
  readonly recoveredMs?: number;
  /** Why it did not, or what a reader should know. */
  readonly note?: string;
}

/** One environment and what happens to it, one blow after the other. */
export interface Scenario {
  /** For the filter of the command line. */
  readonly name: string;
  readonly options?: () => Promise<{ bed?: BedOptions; close?: () => Promise<void> }>;
  readonly play: (bed: Bed, dealt: (blow: Blow) => void) => Promise<void>;
  /** Takes the environment away. @default `down`, after it was brought to its proof once more */
  readonly takeAway?: (bed: Bed, dealt: (blow: Blow) => void) => Promise<void>;
  /** False: it is taken away while it is being installed. @default true */
  readonly installs?: boolean;
}

/** A line of the table. What can only be seen at the end of the environment is the same for all of its blows. */
export interface Row extends Blow {
  readonly scenario: string;
  readonly doubled: readonly string[];
  readonly overlaps: readonly string[];
  readonly residue: readonly string[];
}

export const isGood = ({ recoveredMs, doubled, overlaps, residue }: Row): boolean =>
  recoveredMs !== undefined && doubled.length + overlaps.length + residue.length === 0;

/** Plays a scenario in a bed of its own and takes everything away again. */
export async function playScenario(scenario: Scenario, say: (text: string) => void): Promise<Row[]> {
  const { bed: options, close } = (await scenario.options?.()) ?? {};
  const before = await snapshotHost();
  const bed = await Bed.open(options);
  const watch = watchOverlap(bed.stateDir);
  const blows: Blow[] = [];
  const dealt = (blow: Blow): void => {
    blows.push(blow);
    const result =
      blow.recoveredMs === undefined ? 'NOT recovered' : `${(blow.recoveredMs / 1_000).toFixed(1)} s`;
    say(`${scenario.name}: ${blow.what}: ${result}${blow.note === undefined ? '' : ` (${blow.note})`}`);
  };
  let doubled: string[] = [];
  const residue: string[] = [];
  try {
    await scenario.play(bed, dealt);
    if (scenario.installs ?? true) {
      await bed.leave();
      await bed.run(bed.up());
      doubled = await doubledEffects(bed);
    }
    await (scenario.takeAway?.(bed, dealt) ?? bed.down());
    residue.push(...(await residueOf({ stateDir: bed.stateDir, cluster: bed.ownCluster }, before)));
  } catch (error) {
    dealt({ what: 'the environment as a whole', note: whyOf(error) });
  } finally {
    const overlaps = await watch.stop();
    await bed.close();
    await close?.();
    say(`${scenario.name}: doubled ${list(doubled)}, overlapped ${list(overlaps)}, residue ${list(residue)}`);
    blows.splice(
      0,
      blows.length,
      ...blows.map((blow) => ({ ...blow, scenario: scenario.name, doubled, overlaps, residue })),
    );
  }
  return blows as Row[];
}

const list = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join('; '));

/** With the causes: "Workflow Update failed" alone tells nothing. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${whyOf(error.cause)}`;
}
