import { existsSync } from 'node:fs';
import type { Config } from '../../config.js';
import { logEnd } from '../../tools/log-file.js';
import { clusterLogs, daemonLogs, toolLogs, type KeptLog } from '../kept-logs.js';
import { endOf, logFile, toRead } from './log-end.js';
import type { DiagFile, Part } from './part.js';

/** The ends of the logs in the state folder: of our background processes, and of an environment's tools and cluster. */
export function keptLogParts(config: Config, environment: string | undefined): Part[] {
  const ofDaemons = ['worker', 'temporal'].map((name): Part => ({
    what: `the log of ${name}`,
    limitMs: 10_000,
    collect: async () => {
      const log = daemonLogs(config, name);
      if (!log || !existsSync(log.path)) throw new Error('there is none on this machine');
      return { files: [await fileOf(log, 'logs')] };
    },
  }));
  if (environment === undefined) return ofDaemons;
  const folder = (what: string, into: string, find: () => Promise<readonly KeptLog[]>): Part => ({
    what,
    limitMs: 10_000,
    collect: async () => {
      const logs = await find();
      return { files: await Promise.all(logs.map((log) => fileOf(log, into))) };
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

async function fileOf({ source, path }: KeptLog, into: string): Promise<DiagFile> {
  const { text, more } = await logEnd(path, toRead.bytes);
  return logFile(`${into}/${source}.log`, source, endOf(text, more));
}
