import { opendir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** What a cluster could leave on its host, as one sorted list of facts. */
export async function snapshotHost(): Promise<ReadonlySet<string>> {
  const parts = await Promise.all([
    processes(),
    mounts(),
    links(),
    files('/sys/fs/cgroup', 4),
    ...folders(),
    sysctls(),
  ]);
  return new Set(parts.flat());
}

/** Facts that are in `after` and not in `before`, and the other way round. */
export function differences(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  const added = [...after].filter((fact) => !before.has(fact)).map((fact) => `+ ${fact}`);
  const removed = [...before].filter((fact) => !after.has(fact)).map((fact) => `- ${fact}`);
  return [...added, ...removed];
}

const namespaceKinds = ['net', 'mnt', 'pid', 'ipc', 'uts'] as const;

/**
 * Processes in other namespaces than this one's, or whose arguments name a test cluster's folder; and every namespace
 * that a process keeps alive. What else runs on the machine comes and goes by itself.
 */
async function processes(): Promise<string[]> {
  const own = await namespacesOf('self');
  const facts: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/u.test(name))) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))
      .replaceAll('\0', ' ')
      .trim();
    if (command === '') continue; // a kernel thread or a zombie
    const foreign = (await namespacesOf(pid)).filter((namespace) => !own.includes(namespace));
    facts.push(...foreign.map((namespace) => `namespace ${namespace}`));
    if (foreign.length > 0 || command.includes('tracewright-cluster-'))
      facts.push(`process ${pid} ${command.slice(0, 120)}`);
  }
  return facts;
}

async function namespacesOf(pid: string): Promise<string[]> {
  const found = await Promise.all(
    namespaceKinds.map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => undefined)),
  );
  return found.filter((namespace) => namespace !== undefined);
}

async function mounts(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.map((line) => `mount ${line.split(' ').slice(2, 5).join(' ')}`);
}

async function links(): Promise<string[]> {
  const routes = (await readFile('/proc/net/route', 'utf8'))
    .split('\n')
    .map((line) => `route ${line.split('\t').slice(0, 3).join(' ')}`);
  return [...(await readdir('/sys/class/net')).map((link) => `link ${link}`), ...routes];
}

function folders(): Promise<string[]>[] {
  return ['/etc', '/opt', '/run', '/var/cache', '/var/lib', '/var/log', '/var/tmp', '/usr/libexec'].map(
    (folder) => files(folder, 5),
  );
}

async function files(folder: string, depth: number): Promise<string[]> {
  const facts: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      facts.push(`file ${path}`);
      if (entry.isDirectory() && depth > 0) facts.push(...(await files(path, depth - 1)));
    }
  } catch {
    // Gone meanwhile, or not ours to read.
  }
  return facts;
}

/** Settings of the kernel; those that count or draw something change by themselves. */
async function sysctls(): Promise<string[]> {
  const changing = /\/(?:random|fs\/|ns_last_pid|pty\/nr|.*_count$|sched_|perf_|nf_log|drop_caches)/u;
  const paths = (await files('/proc/sys', 8))
    .map((fact) => fact.slice('file '.length))
    .filter((path) => !changing.test(path));
  const facts = await Promise.all(
    paths.map(async (path) => {
      const value = await readFile(path, 'utf8').catch(() => undefined);
      return value === undefined ? [] : [`sysctl ${path} ${value.trim()}`];
    }),
  );
  return facts.flat();
}
