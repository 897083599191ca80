import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

/** A program of the host that the embedded cluster runs, and the Debian package that brings it. */
export interface HostProgram {
  readonly program: string;
  readonly debianPackage: string;
}

/** The programs by name; the last two come with nearly every Linux. */
export const hostPrograms: readonly HostProgram[] = [
  { program: 'containerd', debianPackage: 'containerd' },
  { program: 'ctr', debianPackage: 'containerd' },
  { program: 'containerd-shim-runc-v2', debianPackage: 'containerd' },
  { program: 'runc', debianPackage: 'runc' },
  { program: 'etcd', debianPackage: 'etcd-server' },
  { program: 'iptables', debianPackage: 'iptables' },
  { program: 'mount', debianPackage: 'mount' },
  { program: 'ip', debianPackage: 'iproute2' },
];

/** Network plugins of containernetworking-plugins that the cluster's CNI configuration names. */
export const cniPlugins: readonly string[] = ['loopback', 'ptp', 'host-local', 'portmap'];

/** Only these folders are visible inside of the cluster's file system, so a program elsewhere is of no use. */
export const programFolders: readonly string[] = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** Debian's folder, then the upstream one. */
export const cniFolders: readonly string[] = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];

/** What the node runs of the host's own. */
export interface HostPrograms {
  /** Absolute path by program name. */
  readonly paths: ReadonlyMap<string, string>;
  /** The folder that holds every plugin of `cniPlugins`; `undefined` where they come with the node's programs. */
  readonly cniFolder: string | undefined;
}

export interface FoundPrograms extends HostPrograms {
  /** What is not there. The plugins count as one, named `cni`. */
  readonly missing: readonly HostProgram[];
}

/** Where the programs are looked for. */
interface LookFolders {
  readonly folders?: readonly string[];
  readonly pluginFolders?: readonly string[];
}

/**
 * Looks for the programs where the cluster will see them.
 * @param own names of those that the node has of its own, which are not looked for
 */
export async function findHostPrograms(
  own: readonly string[] = [],
  { folders = programFolders, pluginFolders = cniFolders }: LookFolders = {},
): Promise<FoundPrograms> {
  const paths = new Map<string, string>();
  const missing: HostProgram[] = [];
  for (const wanted of hostPrograms.filter(({ program }) => !own.includes(program))) {
    const path = await firstOf(folders.map((folder) => [join(folder, wanted.program)]));
    if (path === undefined) missing.push(wanted);
    else paths.set(wanted.program, join(folders[path] ?? '', wanted.program));
  }
  if (cniPlugins.every((plugin) => own.includes(plugin))) return { paths, cniFolder: undefined, missing };
  const plugins = await firstOf(
    pluginFolders.map((folder) => cniPlugins.map((plugin) => join(folder, plugin))),
  );
  if (plugins === undefined) missing.push({ program: 'cni', debianPackage: 'containernetworking-plugins' });
  return { paths, cniFolder: plugins === undefined ? undefined : pluginFolders[plugins], missing };
}

/** The index of the first group whose files can all be executed. */
async function firstOf(groups: readonly (readonly string[])[]): Promise<number | undefined> {
  for (const [index, files] of groups.entries()) {
    const checks = await Promise.allSettled(files.map((file) => access(file, constants.X_OK)));
    if (checks.every((check) => check.status === 'fulfilled')) return index;
  }
  return undefined;
}
