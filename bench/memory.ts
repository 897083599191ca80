import { readdir, readFile, readlink } from 'node:fs/promises';

/**
 * Memory of some processes and of all that live in the same PID namespace as one of them (a cluster's), in bytes.
 * Proportional set size: pages that several share count once in all.
 */
export async function memoryOf(pids: readonly number[]): Promise<number> {
  const own = await namespaceOf('self');
  const wanted = new Set(
    (await Promise.all(pids.map((pid) => namespaceOf(String(pid))))).filter((it) => it !== own),
  );
  // The children's namespace is what a cluster's first process made.
  for (const pid of pids)
    wanted.add(await readlink(`/proc/${String(pid)}/ns/pid_for_children`).catch(() => ''));
  wanted.delete(own);
  let total = 0;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/u.test(name))) {
    if (pids.includes(Number(pid)) || wanted.has(await namespaceOf(pid)))
      total += await proportionalSetSize(pid);
  }
  return total;
}

async function namespaceOf(pid: string): Promise<string> {
  return readlink(`/proc/${pid}/ns/pid`).catch(() => '');
}

/** Of one process; 0 when it has ended. */
export async function proportionalSetSize(pid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB$/mu.exec(text)?.[1] ?? 0) * 1024;
}
