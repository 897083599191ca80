import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bed, type Command } from '../faults/bed.js';
import { doubledEffects } from '../faults/effects.js';
import { watchOverlap } from '../faults/overlap.js';
import { residueOf } from '../faults/residue.js';
import { ownDisk } from '../faults/scenarios/disk.js';
import { snapshotHost } from '../support/host-snapshot.js';
import { chanceOf, type Chance } from './chance.js';
import { strike } from './strikes.js';

const works = ['install', 'upgrade', 'teardown'] as const;
type Work = (typeof works)[number];

export interface Round {
  readonly round: number;
  readonly work: Work;
  /** What was killed, frozen or cut, for people. */
  readonly strikes: readonly string[];
  /** What is not as it should be. Empty when all is well. */
  readonly wrong: readonly string[];
  readonly seconds: number;
}

/** A teardown is over in a tenth of the time. */
const teardownPace = 0.1;

/**
 * One round: an install, an upgrade or a teardown under random strikes; then one `up` (after a teardown, one `down` and
 * one `up`) has to end in the proof with every release at the revision that it should have, and one `down` in nothing
 * left.
 */
export async function playRound(seed: number, round: number): Promise<Round> {
  const chance = chanceOf(seed, round);
  const work = works[chance.between(0, works.length - 1)] ?? 'install';
  const started = performance.now();
  const strikes: string[] = [];
  const wrong: string[] = [];
  const disk = await ownDisk();
  const before = await snapshotHost();
  const bed = await Bed.open(disk.bed);
  const overlap = watchOverlap(bed.stateDir);
  const isLeft = async (): Promise<void> => {
    wrong.push(...(await residueOf({ stateDir: bed.stateDir, cluster: bed.ownCluster }, before)));
  };
  try {
    await play({ bed, work, chance, strikes, isLeft });
    wrong.push(...(await doubledEffects(bed, work === 'upgrade' ? ['prometheus-stack'] : [])));
    await bed.down();
    await isLeft();
  } catch (error) {
    const archive = join(tmpdir(), `tracewright-chaos-${String(seed)}-${String(round)}.tar.gz`);
    await bed.start('diag', '--output', archive, '--force').exit;
    wrong.push(`${(error as Error).message}\n(diag: ${archive})`);
  } finally {
    wrong.push(...(await overlap.stop()));
    await bed.close();
    await disk.close();
  }
  return { round, work, strikes, wrong, seconds: Math.round((performance.now() - started) / 1_000) };
}

interface Play {
  readonly bed: Bed;
  readonly work: Work;
  readonly chance: Chance;
  readonly strikes: string[];
  readonly isLeft: () => Promise<void>;
}

async function play({ bed, work, chance, strikes, isLeft }: Play): Promise<void> {
  const struck = async (command: Command, pace?: number): Promise<void> => {
    strikes.push(...(await strike(bed, chance, pace)));
    command.child.kill('SIGKILL');
    await command.exit;
  };
  const values = `prometheus-stack.values.prometheus.prometheusSpec.retention=${String(chance.between(25, 99))}h`;
  const more = work === 'upgrade' ? ['--set', values] : [];
  if (work !== 'install') await bed.run(bed.up());
  if (work === 'teardown') {
    await struck(bed.start('down'), teardownPace);
    await bed.run(bed.start('down'));
    await isLeft();
  } else await struck(bed.up(...more));
  await bed.run(bed.up(...more));
}
