import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { sharedCacheDir } from '../support/cache.js';
import { proofText } from '../support/proof-text.js';
import { cli, type CliRun } from './support.js';

/** A stack file of one object, for the embedded cluster. */
const smallStack = `
name: small
description: One object
targets: [embedded]
components:
  a: { manifests: { namespace: a, objects: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }] }, ready: [{ accepts: a }] }${proofText('a')}`;

/** Commands around one environment that is in the middle of its first step, in a folder of their own. */
export interface SmallEnvironment {
  readonly folder: string;
  /** For the commands: what they need in order to stay in the middle of the first step. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The module proxy that the first step waits for. */
  readonly proxy: SilentServer;
  readonly command: (...args: string[]) => Promise<CliRun>;
}

/**
 * The surroundings of all tests of a `describe`: real server, real worker, real workflow. The first step stays in the
 * middle of its build, because the module proxy that it asks accepts connections and never answers. The stack lies in
 * `small.yaml`; all processes end with the tests.
 */
export function useSmallEnvironment(): SmallEnvironment {
  const folder = mkdtempSync(join(tmpdir(), 'tracewright-test-'));
  let started: Pick<SmallEnvironment, 'env' | 'proxy'> | undefined;
  const current = (): Pick<SmallEnvironment, 'env' | 'proxy'> => {
    if (!started) throw new Error('The surroundings of these tests are not there yet.');
    return started;
  };
  beforeAll(async () => {
    const proxy = await silentServer();
    started = { proxy, env: { PATH: await pathWithTemporal(), GOPROXY: `http://${proxy.address}` } };
    await writeFile(join(folder, 'small.yaml'), smallStack);
  });
  afterAll(async () => {
    await killProcessesOf(folder);
    started?.proxy.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    get env() {
      return current().env;
    },
    get proxy() {
      return current().proxy;
    },
    command: (...args) => cli(folder, args, { env: current().env }),
  };
}

export interface SilentServer {
  /** `host:port`. */
  readonly address: string;
  /** Breaks off whatever waits for an answer. From then on nobody listens there. */
  close(): void;
}

/** Accepts connections and never answers: whoever asks stays in the middle of what it does. */
export async function silentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** PATH with the Temporal CLI of the shared cache, so that an empty cache folder need not download it. */
async function pathWithTemporal(): Promise<string> {
  const temporal = await provideTemporal({ cacheDir: sharedCacheDir, environment: process.env });
  return [dirname(temporal.path), process.env['PATH']].join(delimiter);
}

/** Those whose arguments or environment name the folder, by pid. */
export async function processesOf(folder: string): Promise<Record<string, string>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const found = pids.map(async (pid) => {
    const [command = '', environment = ''] = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    return `${command} ${environment}`.includes(folder) ? [[pid, command.replaceAll('\0', ' ')]] : [];
  });
  return Object.fromEntries((await Promise.all(found)).flat()) as Record<string, string>;
}

/** Ends all processes of the folder at once. */
export async function killProcessesOf(folder: string): Promise<void> {
  for (const pid of Object.keys(await processesOf(folder)))
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      // Since it was seen, it has ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
}
