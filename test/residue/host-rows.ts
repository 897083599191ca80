import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { snapshotHost } from '../support/host-snapshot.js';
import { listeningPorts } from '../support/listening-ports.js';
import { residueOf, type Suspect } from '../faults/residue.js';
import type { Row } from './row.js';

/** What stays in the state folder after the last `down`, and why. */
export const keptFiles: Readonly<Record<string, string>> = {
  'temporal/':
    'the database of the Temporal server: the history of environments is kept, and the log beside it',
  'worker/': 'the log of the worker',
  'host-id': 'by which this machine finds its clusters again',
};

export const othersReason = {
  'processes, links, control groups of other embedded clusters':
    'they are those of other state folders on the same machine',
  'processes in namespaces of their own that neither name our state folder nor are in our control group, and mounts of other tests':
    'browsers, containers and tests come and go on the same machine; what we start inherits the one or the other',
  'processes in the namespaces of this one':
    'they come and go by themselves, unless they name our state folder',
} as const;

const looks: readonly (readonly [what: string, fits: RegExp])[] = [
  ['processes', /^process /u],
  ['namespaces (net, mnt, pid, ipc, uts)', /^namespace /u],
  ['mounts', /^mount /u],
  ['network links and routes', /^(?:link|route) /u],
  ['control groups', /^file \/sys\/fs\/cgroup/u],
  ['kernel settings', /^sysctl /u],
  ['files in /etc, /opt, /run, /var, /usr/libexec', /^file \/(?:etc|opt|run|var|usr)\//u],
];

/** Remembers what the host is like. @returns compares, when everything should be gone */
export async function watchHost(part: string, suspect: Suspect): Promise<() => Promise<Row[]>> {
  const before = await snapshotHost();
  return async () => {
    const left = (await residueOf(suspect, before)).map((fact) => fact.replace(/^\+ /u, ''));
    const isFile = (fact: string): boolean => fact.startsWith(`file ${suspect.stateDir}`);
    const host = left.filter((fact) => !isFile(fact));
    const known = (fact: string): boolean => looks.some(([, fits]) => fits.test(fact));
    return [
      ...looks.map(([what, fits]) => ({
        part,
        what,
        before: [...before].filter((fact) => fits.test(fact)).length,
        differences: host.filter((fact) => fits.test(fact)),
      })),
      { part, what: 'anything else', before: 0, differences: host.filter((fact) => !known(fact)) },
      { part, what: 'ports of ours', before: 0, differences: await listeningPorts(suspect.stateDir) },
      { part, what: 'files in the state folder', before: 0, differences: await stateFiles(suspect.stateDir) },
    ];
  };
}

async function stateFiles(stateDir: string): Promise<string[]> {
  const files = await readdir(stateDir, { recursive: true, withFileTypes: true }).catch(() => []);
  return files
    .filter((file) => !file.isDirectory())
    .map((file) => join(file.parentPath, file.name).slice(stateDir.length + 1))
    .filter(
      (path) => !Object.keys(keptFiles).some((kept) => path.startsWith(kept)) || path.endsWith('.lock'),
    );
}
