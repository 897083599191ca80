import { readdir, readFile } from 'node:fs/promises';
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
  const fields = await statFields(pid);
  const [state, startTime] = [fields?.[0], fields?.[19]];
  if (startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTime };
}

/** Whether that very process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return now?.startTime === identity.startTime;
}

/**
 * The live processes that were started with this variable in their environment, and their children, which inherit it.
 */
export async function findByVariable(name: string, value: string): Promise<ProcessIdentity[]> {
  const wanted = `${name}=${value}`;
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/u.test(entry));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(wanted) ? await identifyProcess(Number(pid)) : undefined;
    }),
  );
  return found.filter((identity) => identity !== undefined);
}

export interface EndProcessOptions {
  /** Between SIGTERM and SIGKILL, in milliseconds. @default 10000 */
  graceMs?: number;
  /** Signal the process group that the process leads, not only itself. @default true */
  group?: boolean;
}

/**
 * Ends a process and, unless told otherwise, the group that it leads: SIGTERM, a time of grace, SIGKILL. A group
 * outlives its leader, so it counts as ended only when its last member is. Does nothing when the pid belongs to another
 * process by now.
 * @returns how it ended: it was gone already, went after SIGTERM, or had to be killed.
 */
export async function endProcess(
  identity: ProcessIdentity,
  { graceMs = defaultGraceMs, group = true }: EndProcessOptions = {},
): Promise<'gone' | 'terminated' | 'killed'> {
  const isLeft = (): Promise<boolean> => (group ? isGroupAlive(identity) : isAlive(identity));
  if (!(await isLeft())) return 'gone';
  signalProcess(identity.pid, 'SIGTERM', group);
  if (await waitUntilNot(isLeft, graceMs)) return 'terminated';
  signalProcess(identity.pid, 'SIGKILL', group);
  await waitUntilNot(isLeft, 5_000);
  return 'killed';
}

/**
 * Whether the process or any member of its group runs. The kernel gives a pid to nobody else while a group has it, so a
 * group without its leader is still the same one, and a stranger with that pid means that the group is gone.
 */
async function isGroupAlive(identity: ProcessIdentity): Promise<boolean> {
  const leader = await identifyProcess(identity.pid);
  if (leader) return leader.startTime === identity.startTime;
  return hasRunningMember(identity.pid);
}

async function hasRunningMember(groupId: number): Promise<boolean> {
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/u.test(name)) continue;
    const fields = await statFields(Number(name));
    if (fields && Number(fields[2]) === groupId && fields[0] !== 'Z' && fields[0] !== 'X') return true;
  }
  return false;
}

function signalProcess(pid: number, signal: NodeJS.Signals, group: boolean): void {
  try {
    process.kill(group ? -pid : pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The kernel tells only a parent of a process's end, and we are often not it: look every 25 ms. */
async function waitUntilNot(isLeft: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await isLeft()) {
    if (Date.now() >= deadline) return false;
    await sleep(25);
  }
  return true;
}

/** The fields of proc(5) stat from the third (state) on; `undefined` when there is no such process. */
async function statFields(pid: number): Promise<string[] | undefined> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
  // The second field is the program's name in brackets and may hold spaces and brackets itself.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}
