import { readdir, readFile, readlink } from 'node:fs/promises';
import { listeningSockets } from './listening.js';

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
