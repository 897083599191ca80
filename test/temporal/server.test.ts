import { mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { searchAttributes } from '../../src/domain/names.js';
import { connectClient } from '../../src/temporal/client-connection.js';
import { embeddedSettings } from '../../src/temporal/connection.js';
import { databasePath, serverFolder } from '../../src/temporal/server-process.js';
import { servesFor, serverPlace } from '../../src/temporal/server-process.js';
import { ensureServer, observeServer, stopServer } from '../../src/temporal/server.js';
import { observeDaemon } from '../../src/tools/daemon.js';
import { identifyProcess } from '../../src/tools/process-identity.js';
import { serverConfig } from '../support/embedded-server.js';
import { testFolder } from '../support/folder.js';
import { startProxy } from '../support/proxy.js';

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await connectClient(embeddedSettings(address));
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

async function startWorkflow(address: string, workflowId: string): Promise<void> {
  const key = defineSearchAttributeKey(searchAttributes.environment, 'KEYWORD');
  const typedSearchAttributes = new TypedSearchAttributes([{ key, value: workflowId }]);
  await withClient(address, (client) =>
    client.workflow.start('nobodyRunsThis', { workflowId, taskQueue: 'nobody', typedSearchAttributes }),
  );
}

/** Listens on a port of this machine; `undefined` when somebody else does already. */
async function occupy(port: number): Promise<Server | undefined> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(true);
    });
  });
  if (!listening) return undefined;
  onTestFinished(() => void server.close());
  return server;
}

async function listens(address: string): Promise<boolean> {
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

const kill = async (pid: number): Promise<void> => {
  process.kill(pid, 'SIGKILL');
  while (await identifyProcess(pid)) await sleep(5);
};

/** The pid of a server that is starting, `delayMs` after it began to make its database. */
async function pidOnceDatabaseIsMade(stateDir: string, delayMs: number): Promise<number> {
  for (;;) {
    const known = await observeDaemon(serverPlace(stateDir));
    const made = known?.running && (await stat(databasePath(stateDir)).catch(() => undefined));
    if (!made) continue;
    await sleep(delayMs);
    return known.pid;
  }
}

describe('the embedded server', { timeout: 120_000 }, () => {
  it('starts once for many, and takes a workflow with our search attributes at once', async () => {
    const config = await serverConfig();
    const servers = await Promise.all([
      ensureServer({ config }),
      ensureServer({ config }),
      ensureServer({ config }),
    ]);
    expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1);
    expect(servers.filter(({ startedNow }) => startedNow)).toHaveLength(1);
    await startWorkflow(servers[0].address, 'first');
    expect((await fetch(servers[0].uiUrl)).status).toBe(200);
    expect(await observeServer(config)).toMatchObject({ state: 'serving', pid: servers[0].pid });
  });

  it('keeps its files to the user and history for 90 days, and listens on loopback only', async () => {
    const config = await serverConfig();
    const { address, pid } = await ensureServer({ config });
    const folder = join(config.stateDir, 'temporal');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    // SQLite's journal comes and goes.
    for (const file of (await readdir(folder)).filter((name) => !name.endsWith('-journal')))
      expect((await stat(join(folder, file))).mode & 0o077).toBe(0);
    const { config: namespace } = await withClient(address, (client) =>
      client.workflowService.describeNamespace({ namespace: 'default' }),
    );
    expect(Number(namespace?.workflowExecutionRetentionTtl?.seconds)).toBe(90 * 86_400);
    expect(await listenersOf(pid)).toEqual(['0100007F']);
  });

  it('returns a live one', async () => {
    const config = await serverConfig();
    const first = await ensureServer({ config });
    expect(await ensureServer({ config })).toEqual({ ...first, startedNow: false });
  });

  it(
    'comes back after kill -9 on the same ports, with its workflows and settings',
    { retry: 2 },
    async () => {
      const config = await serverConfig();
      const first = await ensureServer({ config });
      await startWorkflow(first.address, 'survivor');
      await kill(first.pid);
      expect(await observeServer(config)).toMatchObject({ state: 'dead', address: first.address });
      const second = await ensureServer({ config });
      expect(second).toMatchObject({ address: first.address, uiUrl: first.uiUrl, startedNow: true });
      const description = await withClient(second.address, (client) =>
        client.workflow.getHandle('survivor').describe(),
      );
      expect(description.status.name).toBe('RUNNING');
      await startWorkflow(second.address, 'after');
    },
  );

  // Another server may take the ports in the moment in which nobody listens: tests beside this one start servers, too.
  it('replaces one that hangs', { retry: 2 }, async () => {
    const config = await serverConfig();
    const first = await ensureServer({ config });
    process.kill(first.pid, 'SIGSTOP');
    expect(await observeServer(config)).toMatchObject({ state: 'hung' });
    const second = await ensureServer({ config, hangTimeoutMs: 500 });
    expect(second).toMatchObject({ address: first.address, startedNow: true });
    expect(await identifyProcess(first.pid)).toBeUndefined();
  });

  it(
    'takes the next free ports when the usual ones are taken, says so, and remembers them',
    { retry: 2 },
    async () => {
      const config = await serverConfig();
      await occupy(7233);
      const first = await ensureServer({ config });
      expect(first.address).not.toBe('127.0.0.1:7233');
      expect(first.note).toContain(`listens on ${first.address}`);
      const other = await ensureServer({ config: await serverConfig() });
      expect(other.address).not.toBe(first.address);
      await kill(first.pid);
      expect((await ensureServer({ config })).address).toBe(first.address);
    },
  );

  it('leaves no process, port or record after stopServer, and its database stays', async () => {
    const config = await serverConfig();
    const { address, pid } = await ensureServer({ config });
    await startWorkflow(address, 'kept');
    expect(await stopServer(config)).toBe('terminated');
    expect(await identifyProcess(pid)).toBeUndefined();
    expect(await listens(address)).toBe(false);
    expect(await observeServer(config)).toBeUndefined();
    const again = await ensureServer({ config });
    const description = await withClient(again.address, (client) =>
      client.workflow.getHandle('kept').describe(),
    );
    expect(description.status.name).toBe('RUNNING');
  });

  it('starts afresh when the first start was killed while it made its tables', async () => {
    const config = await serverConfig();
    const folder = join(config.stateDir, 'temporal');
    const { pid } = await ensureServer({ config });
    await kill(pid);
    // As such a server leaves it: a file without tables, and nobody who ever got its address.
    await rm(join(folder, 'temporal.db.complete'));
    await writeFile(join(folder, 'temporal.db'), '');
    const { address } = await ensureServer({ config });
    await startWorkflow(address, 'fresh');
  });

  it('comes up whenever its very first start is killed', async () => {
    const config = await serverConfig();
    for (const delay of [0, 20, 60, 120, 200]) {
      const starting = ensureServer({ config }).catch((error: unknown) => error);
      const pid = await pidOnceDatabaseIsMade(config.stateDir, delay);
      await kill(pid);
      const outcome: unknown = await starting;
      // On a slow machine a late kill may find one whose address was given away already.
      if (delay < 60 || outcome instanceof Error)
        expect(outcome).toMatchObject({ type: 'temporal.not-starting' });
      else expect(outcome).toMatchObject({ pid, startedNow: true });
    }
    await startWorkflow((await ensureServer({ config })).address, 'at last');
  });

  it('takes one that dies right after its first answer for one that does not serve', async () => {
    const { address } = await ensureServer({ config: await serverConfig() });
    const dies = async (connections: number): Promise<boolean> => {
      const proxy = await startProxy(address, { connections });
      onTestFinished(() => proxy.close());
      const stateDir = await testFolder();
      await mkdir(serverFolder(stateDir));
      return servesFor(stateDir, { port: Number(proxy.address.split(':')[1]), uiPort: 1 });
    };
    const outcomes = await Promise.all([0, 1, 2, 3, 4].map(dies));
    expect(outcomes).toEqual([false, false, false, false, true]);
  });

  it('fails with the last lines of its log when the database is not one', async () => {
    const config = await serverConfig();
    await mkdir(join(config.stateDir, 'temporal'), { recursive: true });
    await writeFile(join(config.stateDir, 'temporal', 'temporal.db.complete'), '');
    await writeFile(join(config.stateDir, 'temporal', 'temporal.db'), 'this is no database'.repeat(100));
    const error = await ensureServer({ config }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ type: 'temporal.not-starting' });
    expect((error as { evidence: string[] }).evidence.join('\n')).toMatch(/not a database/u);
    expect(await observeServer(config)).toBeUndefined();
  });

  it('says so when the state folder cannot be written', async () => {
    const config = await serverConfig();
    await writeFile(join(config.stateDir, 'file'), '');
    await expect(
      ensureServer({ config: { ...config, stateDir: join(config.stateDir, 'file') } }),
    ).rejects.toMatchObject({
      type: 'state.unwritable',
    });
  });
});

/** The distinct local addresses (hexadecimal, as in /proc/net/tcp) that a process listens on. */
async function listenersOf(pid: number): Promise<string[]> {
  const descriptors = await readdir(`/proc/${String(pid)}/fd`);
  const links = await Promise.all(
    descriptors.map((fd) => readlink(`/proc/${String(pid)}/fd/${fd}`).catch(() => '')),
  );
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/u.exec(link)?.[1]));
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((table) => readFile(`/proc/${String(pid)}/net/${table}`, 'utf8')),
  );
  const rows = tables.flatMap((table) => table.split('\n').slice(1)).map((row) => row.trim().split(/\s+/u));
  const listening = rows.filter((row) => row[3] === '0A' && inodes.has(row[9]));
  return [...new Set(listening.map((row) => row[1]?.split(':')[0] ?? ''))];
}
