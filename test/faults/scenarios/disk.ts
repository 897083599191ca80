import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../../src/tools/process.js';
import type { Bed } from '../bed.js';
import { isRunning, reach, type StepName } from '../moments.js';
import type { Blow, Scenario } from '../scenario.js';

/** A state folder on a disk of its own, in memory. */
export async function ownDisk(): Promise<{ bed: { stateDir: string }; close: () => Promise<void> }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', 'size=3g,mode=0700', 'tracewright-faults', stateDir]);
  return {
    bed: { stateDir },
    close: async () => {
      await run('umount', [stateDir]);
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Fills the disk to the last block while the step runs, makes room after a while, and says `up` again. */
async function full(bed: Bed, step: StepName): Promise<Blow> {
  const ballast = join(bed.stateDir, 'ballast');
  bed.follow();
  await reach(bed, step, 'middle');
  await fill(bed.stateDir, ballast);
  await sleep(10_000);
  await rm(ballast);
  await bed.leave();
  const recoveredMs = await bed.until(`${step} to go on`, async () => {
    bed.follow();
    const snapshot = await bed.look();
    const state = snapshot?.progress.steps.find(({ name }) => name === step)?.state;
    return state === 'done' || (state === 'running' && isRunning(snapshot, step));
  });
  return { what: `disk of the state folder full for 10 s, ${step} at its middle`, recoveredMs };
}

/**
 * A step may have given up meanwhile: under disk pressure Kubernetes takes no pods, and for a moment after there is
 * room. Whoever made room says `up` until it is proved.
 */
async function provedAgain(bed: Bed): Promise<Blow> {
  const what = 'room made on the disk, `up` again until it is proved';
  const started = performance.now();
  await bed.leave();
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const code = await bed.up().exit;
    const note = `${String(attempt)} times`;
    if (code === 0) return { what, recoveredMs: performance.now() - started, note };
  }
  return { what, note: 'it is not proved after 3 times' };
}

/** Writes until the disk of the folder has no free block. */
export async function fill(folder: string, ballast: string): Promise<void> {
  const file = await open(ballast, 'w');
  try {
    const block = Buffer.alloc(1 << 20);
    while ((await statfs(folder)).bavail > 0) await file.write(block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}

export const disk: readonly Scenario[] = [
  {
    name: 'disk',
    options: ownDisk,
    play: async (bed, dealt) => {
      dealt(await full(bed, 'prometheus-stack'));
      dealt(await full(bed, 'operator'));
      dealt(await provedAgain(bed));
    },
  },
];
