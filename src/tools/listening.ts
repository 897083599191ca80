import { readdir, readFile, readlink } from 'node:fs/promises';

/** State LISTEN in proc(5) net/tcp. */
const listen = '0A';

/**
 * Whether that very process listens on the TCP port (IPv4): an answer on the port alone may be another program's, which
 * took it a moment earlier.
 */
export async function isListening(pid: number, port: number): Promise<boolean> {
  const sockets = await listeningSockets(port);
  if (sockets.length === 0) return false;
  const folder = `/proc/${String(pid)}/fd`;
  for (const descriptor of await readdir(folder).catch(() => [])) {
    const target = await readlink(`${folder}/${descriptor}`).catch(() => '');
    if (sockets.includes(target)) return true;
  }
  return false;
}

/** As the links below /proc/<pid>/fd name them: `socket:[<inode>]`. None where there is no /proc. */
export async function listeningSockets(port: number): Promise<string[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => '');
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/u))
    .filter(([, local, , state]) => local?.endsWith(suffix) === true && state === listen)
    .map((fields) => `socket:[${String(fields[9])}]`);
}

/**
 * Who listens on the TCP port, such as `nginx (pid 4711)`; `undefined` when nobody does or it is a process of another
 * user, whose open files only root may see.
 */
export async function portHolder(port: number): Promise<string | undefined> {
  const sockets = await listeningSockets(port);
  if (sockets.length === 0) return undefined;
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/u.test(name))) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (!sockets.includes(target)) continue;
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a program');
      return `${name.trim()} (pid ${pid})`;
    }
  }
  return undefined;
}
