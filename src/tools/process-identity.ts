import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A process, told apart from a later one that was given the same pid.
 * `startTime` is the kernel's start time in clock ticks since boot (proc(5), stat field 22).
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** How long a process gets to end by itself after SIGTERM, in milliseconds. */
const defaultGraceMs = 10_000;

/** The process that has `pid` now; `undefined` when there is none, or only a zombie that waits to be reaped. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the program's name in brackets and may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTime };
}

/** Whether that very process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return now?.startTime === identity.startTime;
}

export interface EndProcessOptions {
  /** Between SIGTERM and SIGKILL, in milliseconds. @default 10000 */
  graceMs?: number;
  /** Signal the process group that the process leads, not only itself. @default true */
  group?: boolean;
}

/**
 * Ends a process: SIGTERM, a time of grace, SIGKILL. Does nothing when the pid belongs to another process by now.
 * @returns how it ended: it was gone already, went after SIGTERM, or had to be killed.
 */
export async function endProcess(
  identity: ProcessIdentity,
  { graceMs = defaultGraceMs, group = true }: EndProcessOptions = {},
): Promise<'gone' | 'terminated' | 'killed'> {
  if (!(await isAlive(identity))) return 'gone';
  signalProcess(identity.pid, 'SIGTERM', group);
  if (await waitUntilGone(identity, graceMs)) return 'terminated';
  signalProcess(identity.pid, 'SIGKILL', group);
  await waitUntilGone(identity, 5_000);
  return 'killed';
}

function signalProcess(pid: number, signal: NodeJS.Signals, group: boolean): void {
  try {
    process.kill(group ? -pid : pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The kernel tells only a parent of a process's end, and we are often not it: look every 25 ms. */
async function waitUntilGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await isAlive(identity)) {
    if (Date.now() >= deadline) return false;
    await sleep(25);
  }
  return true;
}
