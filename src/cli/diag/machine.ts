import { readdir, statfs } from 'node:fs/promises';
import { arch, availableParallelism, freemem, loadavg, release, totalmem, uptime, version } from 'node:os';
import { join } from 'node:path';
import { toolVersions } from '../../targets/tool-versions.js';
import { resolveConnection } from '../../temporal/connection.js';
import { observeServer } from '../../temporal/server.js';
import { observeWorker, workerPlaceOf } from '../../temporal/worker-process.js';
import type { Config } from '../../config.js';
import type { CliContext } from '../context.js';
import { doctorLines } from '../doctor/report.js';
import { examine } from '../commands/doctor.js';
import { effectiveSettings } from '../settings/effective-settings.js';
import type { Part } from './part.js';

const mib = 1024 * 1024;

/** What can be told without a server, a cluster or an environment. */
export function machineParts({ config, version: ours, columns }: CliContext): Part[] {
  return [
    {
      what: 'the versions',
      limitMs: 30_000,
      collect: async (signal) => {
        const startsServer = resolveConnection(config).kind === 'embedded';
        const tools = await toolVersions({ ...config, signal }, [], startsServer);
        const content = {
          tracewright: ours,
          tools: Object.fromEntries(tools.map(({ name, detail }) => [name, detail])),
        };
        return {
          files: [{ path: 'versions.json', what: 'Tracewright and the tools on this machine', content }],
        };
      },
    },
    {
      what: 'the facts of this machine',
      limitMs: 10_000,
      collect: async () => ({
        files: [
          {
            path: 'host.json',
            what: 'system, memory, disks, our processes, what lies in the state folder',
            content: await hostFacts(config),
          },
        ],
      }),
    },
    {
      what: "doctor's checks",
      limitMs: 60_000,
      collect: async (signal) => {
        const report = await examine(config, { target: 'auto' }, signal);
        const text = doctorLines(report, { paint: (_style, it) => it, columns: Math.max(columns, 100) });
        return {
          files: [
            {
              path: 'doctor.txt',
              what: 'the checks that `up` makes, as here and now',
              content: `${text.join('\n')}\n`,
            },
            { path: 'doctor.json', what: 'the same as JSON', content: report },
          ],
        };
      },
    },
  ];
}

/** The settings that count, with those that an environment keeps where they are known. */
export function settingsPart({ config }: CliContext, kept?: Parameters<typeof effectiveSettings>[1]): Part {
  return {
    what: 'the settings',
    limitMs: 5_000,
    collect: () =>
      Promise.resolve({
        files: [
          {
            path: 'config.json',
            what: 'every setting that counts, and where it comes from',
            content: effectiveSettings(config, kept),
          },
        ],
      }),
  };
}

async function hostFacts(config: Config): Promise<unknown> {
  const { stateDir, cacheDir } = config;
  const folders = async (name: string): Promise<string[]> => readdir(join(stateDir, name)).catch(() => []);
  return {
    system: `${version()}, ${release()}, ${arch()}`,
    root: process.getuid?.() === 0,
    cpus: availableParallelism(),
    load: loadavg(),
    upSeconds: Math.round(uptime()),
    memoryMib: { total: Math.round(totalmem() / mib), free: Math.round(freemem() / mib) },
    diskFreeMib: { state: await freeMib(stateDir), cache: await freeMib(cacheDir) },
    temporalServer: (await observeServer(config)) ?? 'none was started, or it was stopped',
    worker: (await observeWorker(workerPlaceOf(config))) ?? 'none was started, or it was stopped',
    stateFolder: { environments: await folders('environments'), clusters: await folders('clusters') },
  };
}

async function freeMib(folder: string): Promise<number | string> {
  return statfs(folder).then(
    ({ bavail, bsize }) => Math.round((bavail * bsize) / mib),
    (error: unknown) => `unknown (${String((error as NodeJS.ErrnoException).code)})`,
  );
}
