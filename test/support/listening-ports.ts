import { readdir, readFile, readlink } from 'node:fs/promises';

/** In hexadecimal, as the kernel writes it: a socket that listens. */
const listening = '0A';

/**
 * TCP ports on which processes with `word` in their arguments or their environment listen, such as `port 127.0.0.1:7233
 * of process 12`. All other programs of the machine come and go by themselves.
 */
export async function listeningPorts(word: string): Promise<string[]> {
  const sockets = await listeningSockets();
  const found = await Promise.all(
    (await readdir('/proc')).map(async (pid) => {
      if (!/^\d+$/u.test(pid) || !(await mentions(pid, word))) return [];
      const held = await socketsOf(pid);
      return held.flatMap((inode) => {
        const address = sockets.get(inode);
        return address === undefined ? [] : [`port ${address} of process ${pid}`];
      });
    }),
  );
  return found.flat();
}

/** Addresses by the inode of their socket. */
async function listeningSockets(): Promise<Map<string, string>> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) =>
    table
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/u)),
  );
  return new Map(
    rows
      .filter((row) => row[3] === listening)
      .map((row) => [
        row[9] ?? '',
        `${addressOf(row[1] ?? '')}:${String(Number.parseInt(row[1]?.split(':')[1] ?? '', 16))}`,
      ]),
  );
}

/** IPv4 in the machine's byte order; of IPv6 the digits are enough to tell one from another. */
function addressOf(hex: string): string {
  const [address = ''] = hex.split(':');
  if (address.length !== 8) return `[${address}]`;
  return (address.match(/../gu) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

async function mentions(pid: string, word: string): Promise<boolean> {
  const texts = await Promise.all(
    ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
  );
  return texts.some((text) => text.includes(word));
}

async function socketsOf(pid: string): Promise<string[]> {
  const handles = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(
    handles.map((handle) => readlink(`/proc/${pid}/fd/${handle}`).catch(() => '')),
  );
  return links.flatMap((link) => /^socket:\[(\d+)\]$/u.exec(link)?.[1] ?? []);
}
