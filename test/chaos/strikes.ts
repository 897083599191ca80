import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterProcesses } from '../../src/targets/embedded/processes.js';
import { findByVariable, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { sendSignal, type Bed } from '../faults/bed.js';
import { fill } from '../faults/scenarios/disk.js';
import type { Chance } from './chance.js';

/** A program that runs for the environment: of the command line, of Temporal, a tool, or one in the cluster. */
interface Program {
  readonly name: string;
  readonly identity: ProcessIdentity;
}

/** In milliseconds. An install takes about 45 s here, a teardown 4. */
const longestPauseMs = 15_000;
const longestFreezeMs = 40_000;
const diskFullMs = 10_000;

/**
 * Does one to four things at random moments: kills a program of all that run, freezes one for up to 40 s, or leaves the
 * disk of the state folder, which must be one of its own, without a free block for a while. Returns when whatever was
 * frozen goes on.
 * @param pace how long a pause may be: 1 as in an install, less for what is over sooner
 * @returns what was done, in the order in which it began, for people
 */
export async function strike(bed: Bed, chance: Chance, pace = 1): Promise<string[]> {
  const told: string[] = [];
  const lasting: Promise<void>[] = [];
  const count = chance.between(1, 4);
  for (let index = 0; index < count; index += 1) {
    const pauseMs = chance.between(0, longestPauseMs);
    const kind = chance.between(1, 10);
    const [pick, freezeMs] = [chance.fraction(), chance.between(1_000, longestFreezeMs)];
    await sleep(pauseMs * pace);
    if (kind === 10) {
      told.push('disk full');
      lasting.push(fillDisk(bed));
      continue;
    }
    const program = pickOne(await programs(bed), pick);
    if (!program) told.push('nothing ran');
    else if (kind <= 7) {
      told.push(`kill -9 ${program.name}`);
      sendSignal(program.identity, 'SIGKILL');
    } else {
      told.push(`${program.name} frozen for ${String(Math.round(freezeMs / 1_000))} s`);
      lasting.push(freeze(program, freezeMs));
    }
  }
  await Promise.all(lasting);
  return told;
}

/** Each program as likely as any other, however many processes it has. */
function pickOne(found: readonly Program[], fraction: number): Program | undefined {
  const names = [...new Set(found.map(({ name }) => name))].toSorted();
  const place = fraction * names.length;
  const chosen = found.filter(({ name }) => name === names[Math.floor(place)]);
  return chosen[Math.floor((place % 1) * chosen.length)];
}

async function programs(bed: Bed): Promise<Program[]> {
  const identities = [
    ...(await findByVariable('TRACEWRIGHT_STATE_DIR', bed.stateDir)),
    ...(await clusterProcesses(bed.cluster.id)),
  ];
  const unique = new Map(identities.map((identity) => [identity.pid, identity]));
  const named = await Promise.all(
    [...unique.values()].map(async (identity) => ({ name: await nameOf(identity), identity })),
  );
  return named.filter((program): program is Program => program.name !== undefined);
}

/** `kubelet`, `worker.js`; `undefined` for what has ended. */
async function nameOf({ pid }: ProcessIdentity): Promise<string | undefined> {
  const words = (await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const [program, script] = words.filter((word) => !word.startsWith('-'));
  if (program === undefined || program === '') return undefined;
  return basename(basename(program) === 'node' && script ? script : program);
}

async function freeze({ identity }: Program, forMs: number): Promise<void> {
  if (!sendSignal(identity, 'SIGSTOP')) return;
  await sleep(forMs);
  sendSignal(identity, 'SIGCONT');
}

async function fillDisk(bed: Bed): Promise<void> {
  const ballast = join(bed.stateDir, 'ballast');
  await fill(bed.stateDir, ballast);
  await sleep(diskFullMs);
  await rm(ballast, { force: true });
}
