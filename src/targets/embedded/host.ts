import { readFile, statfs } from 'node:fs/promises';
import { TracewrightError } from '../../domain/failure.js';
import { nearestExisting } from '../../tools/writable-folder.js';
import { areReadOnly } from './control-groups.js';

/** Bits of the capability mask (capabilities(7)) without which namespaces, mounts and links cannot be made. */
const neededCapabilities = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/** Why this machine cannot run the embedded cluster; `undefined` when nothing speaks against it. */
export async function whyUnsupported(): Promise<string | undefined> {
  if (process.platform !== 'linux')
    return `The embedded cluster runs on Linux only, and this is ${process.platform}.`;
  if (process.getuid?.() !== 0)
    return 'The embedded cluster needs root: it makes namespaces, mounts and control groups.';
  const mask = /^CapEff:\s*([0-9a-f]+)$/mu.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  if (mask === undefined) return undefined;
  const held = BigInt(`0x${mask}`);
  const missing = Object.entries(neededCapabilities).filter(([, bit]) => (held & (1n << bit)) === 0n);
  if (missing.length > 0)
    return `This process is root without ${missing.map(([name]) => name).join(' and ')}, as in an unprivileged container.`;
  if (await areReadOnly())
    return 'Control groups can only be read here (/sys/fs/cgroup), as in an unprivileged container.';
  return undefined;
}

/** @throws TracewrightError `host.unsupported` */
export async function checkHost(): Promise<void> {
  const reason = await whyUnsupported();
  if (reason !== undefined) throw unsupported(reason);
}

/** The type of an overlay in the answer of statfs(2): linux/magic.h. */
const overlayMagic = 0x794c7630;

/**
 * The layers of the cluster's containers are overlays, and the kernel stacks none on another: not on the layer of a
 * container in which all this runs.
 * @throws TracewrightError `host.unsupported`
 */
export async function checkStateFolder(stateDir: string): Promise<void> {
  const { type } = await statfs(await nearestExisting(stateDir));
  if (type !== overlayMagic) return;
  throw new TracewrightError({
    type: 'host.unsupported',
    message: `The state folder ${stateDir} lies in the layer of a container (overlayfs), where the containers of a cluster cannot lie.`,
    remedy: `Mount a volume there (docker run --volume tracewright:${stateDir}), or set TRACEWRIGHT_STATE_DIR to a folder on one.`,
  });
}

/** The failure of a host that cannot run the cluster. */
export function unsupported(reason: string): TracewrightError {
  return new TracewrightError({
    type: 'host.unsupported',
    message: reason,
    remedy:
      'Use a Linux machine as root, a privileged container (`docker run --privileged`), or another target: k3d where there is Docker, kubeconfig for a cluster that exists.',
  });
}
