import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterProcesses } from '../../src/targets/embedded/processes.js';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { sendSignal, type Bed } from './bed.js';
import { attemptOf, isOver, isRunning, stepNames, type StepName } from './moments.js';

/** Something that is killed. */
export interface Victim {
  readonly name: string;
  /** @returns after how many milliseconds it went on, or why there was nothing to kill */
  readonly strike: (bed: Bed, step: StepName) => Promise<number | string>;
}

/** Longer than the heartbeat timeout of 12 s: the server then takes every running activity for lost. */
const outageMs = 14_000;

/** @returns from the kill until the step is at work again, in milliseconds */
export async function killWorker(bed: Bed, step: StepName): Promise<number> {
  const before = await attempts(bed, step);
  await bed.kill(await bed.daemon('worker'));
  return goesOn(bed, step, before);
}

export const worker: Victim = { name: 'kill -9 of the worker', strike: killWorker };

export const stoppedWorker: Victim = {
  name: 'SIGTERM of the worker',
  async strike(bed, step) {
    const before = await attempts(bed, step);
    const identity = await bed.daemon('worker');
    // Without the command that would start the next one at once: first it is seen that this one ends clean.
    await bed.leave();
    const tools = (await attemptOf(bed, step))?.processes ?? [];
    const endsBefore = await cleanEnds(bed);
    await bed.kill(identity, 'SIGTERM');
    if ((await cleanEnds(bed)) === endsBefore) throw new Error('the worker did not end clean');
    for (const tool of tools)
      if (await isAlive(tool)) throw new Error(`the worker left ${String(tool.pid)} running`);
    return goesOn(bed, step, before);
  },
};

export const server: Victim = {
  name: `Temporal server killed, down for ${String(outageMs / 1_000)} s`,
  async strike(bed, step) {
    // Whoever follows would start it again within half a second.
    await bed.leave();
    await bed.kill(await bed.daemon('server'));
    await sleep(outageMs);
    return goesOn(bed, step, 0);
  },
};

export const helm: Victim = {
  name: 'kill -9 of helm',
  async strike(bed, step) {
    let killed: ProcessIdentity | undefined;
    let passed = false;
    await bed.until(
      `a helm of ${step}`,
      async () => {
        [killed] = (await attemptOf(bed, step))?.processes ?? [];
        passed = killed === undefined && isOver(await bed.look(), step);
        return passed || killed !== undefined;
      },
      5,
    );
    if (!killed || !(await bed.kill(killed))) return 'helm was done';
    return bed.until(`${step} after its helm was killed`, async () => {
      const snapshot = await bed.look();
      const [next] = (await attemptOf(bed, step))?.processes ?? [];
      return isOver(snapshot, step) || (next !== undefined && next.pid !== killed?.pid);
    });
  },
};

export const apiServer: Victim = {
  name: 'kill -9 of the API server',
  async strike(bed) {
    const found = await apiServerOf(bed);
    if (!found) return 'there was none';
    await bed.kill(found);
    return bed.until('the API server', async () => {
      const answer = await bed
        .kube()
        ?.send({ path: '/readyz', timeoutMs: 1_000 })
        .catch(() => undefined);
      return answer?.status === 200;
    });
  },
};

export const cli: Victim = {
  name: 'kill -9 of the command',
  async strike(bed) {
    await bed.leave();
    const again = bed.follow();
    return bed.until('the next command to tell of the steps, or that they pause', () =>
      Promise.resolve(/\s[…✓]\s|paused/u.test(again.said())),
    );
  },
};

/** What a power cut leaves: files, and nothing that runs. */
export async function killEverything(bed: Bed): Promise<void> {
  const attempts = await Promise.all(stepNames.map((step) => attemptOf(bed, step)));
  const victims = [
    await bed.daemon('worker'),
    await bed.daemon('server'),
    ...attempts.flatMap((attempt) => attempt?.processes ?? []),
    ...(await clusterProcesses(bed.cluster.id)),
  ];
  const command = bed.leave();
  for (const victim of victims) sendSignal(victim, 'SIGKILL');
  await command;
  await bed.until('the end of everything', async () => {
    const alive = await Promise.all(victims.map((victim) => isAlive(victim)));
    return !alive.includes(true);
  });
}

export const machine: Victim = {
  name: 'kill -9 of everything at once, as by a power cut',
  async strike(bed, step) {
    const before = await attempts(bed, step);
    await killEverything(bed);
    return goesOn(bed, step, before);
  },
};

/** How often a worker of the bed has said that it ended, which it does after its activities. */
async function cleanEnds(bed: Bed): Promise<number> {
  return (await readFile(join(bed.stateDir, 'worker', 'worker.log'), 'utf8')).split('worker ended').length;
}

/** The highest attempt that the server knows of; 0 when it knows none. */
async function attempts(bed: Bed, step: StepName): Promise<number> {
  return (await bed.look())?.live.get(step)?.attempt ?? 0;
}

/** Until the step is at work again in a later attempt, or done. */
async function goesOn(bed: Bed, step: StepName, before: number): Promise<number> {
  return bed.until(`${step} to go on`, async () => {
    const follower = bed.follow();
    const snapshot = await bed.look();
    if (isOver(snapshot, step) && follower.child.exitCode === null) return true;
    return isRunning(snapshot, step) && (snapshot?.live.get(step)?.attempt ?? 0) > before;
  });
}

async function apiServerOf(bed: Bed): Promise<ProcessIdentity | undefined> {
  for (const { pid } of await clusterProcesses(bed.cluster.id)) {
    const line = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
    if (/^(?:\S*\/)?kube-apiserver\0/u.test(line)) return identifyProcess(pid);
  }
  return undefined;
}
