import { existsSync } from 'node:fs';
import type { Config } from '../../config.js';
import { logLines } from '../../tools/log-file.js';
import { clusterLogs, daemonLogs, toolLogs, type KeptLog } from '../kept-logs.js';
import type { DiagFile, Part } from './part.js';

/** Of each log, from its end. */
export const tailLines = 500;

/** The ends of the logs in the state folder: of our background processes, and of an environment's tools and cluster. */
export function keptLogParts(config: Config, environment: string | undefined): Part[] {
  const ofDaemons = ['worker', 'temporal'].map((name): Part => ({
    what: `the log of ${name}`,
    limitMs: 10_000,
    collect: async (signal) => {
      const log = daemonLogs(config, name);
      if (!log || !existsSync(log.path)) throw new Error('there is none on this machine');
      return { files: [await fileOf(log, 'logs', signal)] };
    },
  }));
  if (environment === undefined) return ofDaemons;
  const folder = (what: string, into: string, find: () => Promise<readonly KeptLog[]>): Part => ({
    what,
    limitMs: 10_000,
    collect: async (signal) => {
      const logs = await find();
      return { files: await Promise.all(logs.map((log) => fileOf(log, into, signal))) };
    },
  });
  return [
    ...ofDaemons,
    folder('the logs of helm', 'logs/tools', () => toolLogs(config, environment)),
    folder("the logs of the cluster's programs", 'logs/cluster', () =>
      clusterLogs(config, environment, 'embedded'),
    ),
  ];
}

async function fileOf({ source, path }: KeptLog, into: string, signal: AbortSignal): Promise<DiagFile> {
  const lines: string[] = [];
  for await (const line of logLines(path, { lines: tailLines, follow: false, signal })) lines.push(line);
  return {
    path: `${into}/${source}.log`,
    what: `the last lines of the log of ${source}`,
    content: `${lines.join('\n')}\n`,
  };
}
