import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readlink, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Namespaces of their own for a Docker engine: its processes, its mounts and its network. The kernel takes all of them
 * down when process 1 inside ends, and that ends with the pipe that this process holds: also when a test is killed.
 */
export interface Box {
  /** The words before a command that put it into the box's network alone: it sees the files and processes of the host. */
  readonly network: readonly string[];
  /** The words before a command that put it into the box whole. */
  readonly whole: readonly string[];
  /** Ends everything inside, and every process of the host that has joined the network. */
  close(): Promise<void>;
}

/**
 * What the engine writes outside of its folder (its key in /etc, its sockets in /run, plugins in /opt) stays in the box.
 * As process 1, bash reaps what containers leave behind.
 */
const script = `set -e
mount -t tmpfs tmpfs /run
for folder in etc opt; do
  mkdir -p /run/box/$folder/upper /run/box/$folder/work
  mount -t overlay overlay -o lowerdir=/$folder,upperdir=/run/box/$folder/upper,workdir=/run/box/$folder/work /$folder
done
ip link set lo up
echo open
read -r _`;

export async function openBox(): Promise<Box> {
  const holder = spawn(
    'unshare',
    [
      ...['--mount', '--net', '--pid', '--fork', '--mount-proc', '--propagation', 'slave'],
      ...['bash', '-c', script],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  await opened(holder);
  const namespaces = `/proc/${String(holder.pid)}/ns`;
  const network = ['nsenter', `--net=${namespaces}/net`];
  return {
    network,
    whole: [...network, `--mount=${namespaces}/mnt`, `--pid=${namespaces}/pid_for_children`],
    close: async () => {
      await killGuests(namespaces, holder.pid);
      const ended = holder.exitCode ?? holder.signalCode;
      holder.stdin.end();
      if (ended === null) await once(holder, 'exit');
    },
  };
}

async function opened({ stdout, ...holder }: ChildProcess): Promise<void> {
  if (!stdout) throw new Error('The box has no output.');
  for await (const chunk of stdout.iterator({ destroyOnReturn: false }))
    if (String(chunk).includes('open')) return;
  throw new Error(`The box does not open: exit code ${String(holder.exitCode)}`);
}

/** Processes of the host in the box's network: worker and server of a test that failed. */
async function killGuests(namespaces: string, holder: number | undefined): Promise<void> {
  const [net, pids] = await Promise.all([
    readlink(`${namespaces}/net`).catch(() => undefined),
    readlink('/proc/self/ns/pid'),
  ]);
  if (net === undefined) return;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/u.test(name))) {
    const own = await Promise.all(
      ['net', 'pid'].map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => undefined)),
    );
    if (own[0] === net && own[1] === pids && Number(pid) !== holder) process.kill(Number(pid), 'SIGKILL');
  }
}

const groups = '/sys/fs/cgroup';
/** The kernel empties a control group a moment after its last process; in milliseconds. */
const [settleMs, pollMs] = [10_000, 50];

/** Removes a control group at the top of every hierarchy, with those below it. */
export async function removeGroups(name: string): Promise<void> {
  const hierarchies = ['', ...(await readdir(groups).catch(() => []))];
  const deadline = Date.now() + settleMs;
  for (const hierarchy of hierarchies) {
    const path = join(groups, hierarchy, name);
    while (!(await removeTree(path))) {
      if (Date.now() > deadline) throw new Error(`${path} cannot be removed`);
      await sleep(pollMs);
    }
  }
}

/** @returns false when something is still in it */
async function removeTree(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (!entries) return true;
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  const done = await Promise.all(below.map(removeTree));
  return (
    done.every(Boolean) &&
    (await rmdir(path).then(
      () => true,
      () => false,
    ))
  );
}
