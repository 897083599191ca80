import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Config } from '../config.js';
import type { TargetKind } from '../domain/stack.js';
import { clusterFolder } from '../targets/embedded/folder.js';
import { serverPlace } from '../temporal/server-process.js';
import { workerPlaceOf } from '../temporal/worker-process.js';
import { daemonLogPath } from '../tools/daemon.js';
import { environmentFolder, logFolder } from '../tools/environment-folder.js';

/** A log in the state folder. */
export interface KeptLog {
  /** Whose it is. */
  readonly source: string;
  readonly path: string;
}

/** The log of our background process of that name; undefined for all other names. */
export function daemonLogs(config: Config, name: string): KeptLog | undefined {
  if (name !== 'worker' && name !== 'temporal') return undefined;
  const place = name === 'worker' ? workerPlaceOf(config) : serverPlace(config.stateDir);
  return { source: name, path: daemonLogPath(place) };
}

/** What helm and other tools said: about a component, or about all of them. */
export async function toolLogs(
  { stateDir }: Config,
  environment: string,
  component?: string,
): Promise<KeptLog[]> {
  const logs = await logsIn(logFolder(environmentFolder(stateDir, environment)));
  return component === undefined ? logs : logs.filter(({ source }) => source === component);
}

/** Of the programs of an embedded cluster; other clusters keep theirs to themselves. */
export async function clusterLogs(
  { stateDir }: Config,
  environment: string,
  target: TargetKind,
): Promise<KeptLog[]> {
  return target === 'embedded' ? logsIn(clusterFolder(stateDir, environment).logs) : [];
}

async function logsIn(folder: string): Promise<KeptLog[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => ({ source: basename(name, '.log'), path: join(folder, name) }));
}
