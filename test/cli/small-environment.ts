import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { delimiter, dirname } from 'node:path';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { sharedCacheDir } from '../support/cache.js';

/** A stack file of one object, for the embedded cluster. */
export const smallStack = `
name: small
description: One object
targets: [embedded]
components:
  a: { manifests: { namespace: a, objects: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }] }, ready: [{ accepts: a }] }
proof:
  ride: { namespace: a, service: a, port: 1, customer: 1, customerName: a }
  collector: { namespace: a, service: a, otlpHttpPort: 1, podSelector: a=a }
  tempo: { namespace: a, service: a, port: 1 }
  expect: { spans: 1, services: [a] }
  traceql: '{}'
  grafana: { skip: none }
`;

export interface SilentProxy {
  readonly url: string;
  /** Breaks off whatever waits for an answer. From then on nobody listens there. */
  close(): void;
}

/** A module proxy that accepts connections and never answers: the first step stays in the middle of its build. */
export async function silentProxy(): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** PATH with the Temporal CLI of the shared cache, so that an empty cache folder need not download it. */
export async function pathWithTemporal(): Promise<string> {
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
  for (const pid of Object.keys(await processesOf(folder))) process.kill(Number(pid), 'SIGKILL');
}
