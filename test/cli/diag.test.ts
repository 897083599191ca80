import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCleaner, secretsIn, secretsOfEnvironment } from '../../src/cli/diag/secrets.js';
import { collectParts } from '../../src/cli/diag/part.js';
import { listEnvironments } from '../../src/cli/environments.js';
import { environmentWorkflowId } from '../../src/domain/names.js';
import { workerPlace } from '../../src/temporal/worker-process.js';
import { daemonLogPath } from '../../src/tools/daemon.js';
import { ScriptedActivities, fail } from '../support/fake-activities.js';
import { testFolder } from '../support/folder.js';
import { spec } from '../support/stack.js';
import { unpack } from '../support/unpack.js';
import { startRealHarness, tearDown, useHarness, withEnvironment } from '../workflows/harness.js';
import { silentServer } from './small-environment.js';
import { cli, startCli, type CliRun } from './support.js';

const planted = {
  parameter: 'Planted-Grafana-1',
  failure: 'Planted-Failure-2',
  url: 'Planted-Url-3',
  log: 'Planted-Log-4',
  variable: 'Planted-Variable-5',
} as const;

function expectNone(text: string): void {
  for (const secret of Object.values(planted)) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/u, ''));
  }
}

describe('tracewright diag', () => {
  const harness = useHarness(startRealHarness);

  it('holds the whole story of a blocked environment and none of the planted secrets', async () => {
    const scripted = new ScriptedActivities().on('tempo', () =>
      fail(
        'manifest.rejected',
        `https://user:${planted.url}@charts.example said password=${planted.failure}`,
      ),
    );
    const parameters = [
      {
        given: `--set tempo.values.adminPassword=${planted.parameter}`,
        component: 'tempo',
        path: ['values', 'adminPassword'],
        value: planted.parameter,
      },
    ];
    const run = async (folder: string, name: string) => {
      const { address } = harness.env;
      const place = workerPlace(join(folder, 'state'), { embedded: false, address, namespace: 'default' });
      await mkdir(place.folder, { recursive: true });
      await writeFile(
        daemonLogPath(place),
        `token: ${planted.log}\nheard ${planted.variable} and ${planted.parameter}\n`,
      );
      const env = { TEMPORAL_ADDRESS: address, MY_TOKEN: planted.variable };
      return cli(folder, ['diag', name, '--output', 'it.tar.gz', '--json'], { env });
    };
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        await environment.until('Blocked', ({ phase }) => phase === 'Blocked');
        const folder = await testFolder();
        const name = (await environment.progress()).environment;
        const { exitCode, stdout, errors } = await run(folder, name);
        expect({ exitCode, errors: errors.filter((line) => line.startsWith('error')) }).toEqual({
          exitCode: 0,
          errors: [],
        });
        expect((await stat(join(folder, 'it.tar.gz'))).mode & 0o777).toBe(0o600);
        const paths = (JSON.parse(stdout) as { files: { path: string }[] }).files.map(({ path }) => path);
        for (const path of ['plan', 'progress', 'history'])
          expect(paths).toContain(`environment/${path}.json`);
        const text = [...(await unpack(join(folder, 'it.tar.gz'))).texts].flat().join('\n');
        expectNone(text + stdout);
        expect(text).toMatch(/installRelease tempo.*: \[manifest\.rejected\] https:\/\//u);
        expect(text).toContain('heard [redacted] and [redacted]');
        expect(text).toContain('- not collected: everything of the cluster');
        await tearDown(environment);
      },
      { parameters },
    );
  });

  it('tells of the machine alone where there is no environment, in a file that it names itself', async () => {
    const folder = await testFolder();
    const { exitCode, stdout } = await cli(folder, ['diag']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('doctor.txt');
    expect(stdout).toContain('not collected: the plan, the progress and the history of the workflow');
    expect(stdout).toContain('Look through it before you send it');
    await expectNamed(folder, 'machine', stdout);
    // Starts nothing.
    expect((await readdir(folder)).filter((name) => !name.startsWith('tracewright-diag-'))).toEqual([]);
    const unwritable = await cli(folder, ['diag', '--output', 'nowhere/it.tar.gz']);
    expect(unwritable).toMatchObject({ exitCode: 1 });
    expect(unwritable.errors[0]).toContain('[output.unwritable]');
  });
});

/** The only archive there is: named after what it is about and the time in UTC, for its owner alone. */
async function expectNamed(folder: string, about: string, stdout: string): Promise<void> {
  const [name = '', ...others] = (await readdir(folder)).filter((it) => it.includes('.tar'));
  expect(others).toEqual([]);
  const [, time = ''] =
    new RegExp(`^tracewright-diag-${about}-(\\d{8}T\\d{6}Z)\\.tar\\.gz$`, 'u').exec(name) ?? [];
  const iso = time.replace(/^(.{4})(..)(..T..)(..)(..Z)$/u, '$1-$2-$3:$4:$5');
  expect(Math.abs(Date.now() - Date.parse(iso))).toBeLessThan(600_000);
  expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  expect(stdout).toContain(`Wrote ${join(folder, name)} (`);
  expect((await unpack(join(folder, name))).folder).toBe(name.replace('.tar.gz', ''));
}

describe('which environment diag is about', () => {
  const harness = useHarness(startRealHarness);
  const start = (name: string): Promise<unknown> =>
    harness.client.workflow.start('environment', {
      workflowId: environmentWorkflowId(name),
      taskQueue: 'nobody',
      args: [{ name, spec: spec() }],
    });
  const diag = (folder: string, ...args: string[]): Promise<CliRun> =>
    cli(folder, ['diag', ...args], { env: { TEMPORAL_ADDRESS: harness.env.address } });

  it('is the only one, or has to be said; and there must be one of that name', async () => {
    const folder = await testFolder();
    await start('one');
    await expect.poll(async () => (await listEnvironments(harness.client)).length).toBe(1);
    const only = await diag(folder);
    expect(only.exitCode, only.errors.join('\n')).toBe(0);
    await expectNamed(folder, 'one', only.stdout);
    // No worker answers: the history alone says what it was to be.
    expect(only.stdout).toContain('environment/plan.json');
    expect(only.stdout).toContain('not collected: the progress');

    await start('two');
    await expect.poll(async () => (await listEnvironments(harness.client)).length).toBe(2);
    const elsewhere = await testFolder();
    const several = await diag(elsewhere);
    expect(several).toMatchObject({ exitCode: 2, stdout: '' });
    expect(several.errors.slice(1)).toEqual([
      expect.stringMatching(
        /^error \[usage\.invalid\] There are several environments: (?:one, two|two, one)\.$/u,
      ),
      '  → Say which one: `tracewright diag <environment>`.',
    ]);
    const unknown = await diag(elsewhere, 'three');
    expect(unknown).toMatchObject({ exitCode: 1, stdout: '' });
    expect(unknown.errors[1]).toBe('error [environment.not-found] There is no environment "three".');
    const both = await diag(elsewhere, 'one', '--name', 'two');
    expect(both).toMatchObject({
      exitCode: 2,
      errors: [expect.stringContaining('Two environments are named.'), expect.any(String)],
    });
    expect(await readdir(elsewhere)).toEqual([]);
  });
});

describe('the file that diag writes', () => {
  it('takes the place of another only with --force', async () => {
    const folder = await testFolder();
    const file = join(folder, 'mine.tar.gz');
    await writeFile(file, 'mine', { mode: 0o644 });
    const refused = await cli(folder, ['diag', '--output', 'mine.tar.gz']);
    expect(refused).toMatchObject({
      exitCode: 1,
      stdout: '',
      errors: [
        `error [output.exists] There is a file mine.tar.gz already.`,
        '  → Choose another name, or write over it with --force.',
      ],
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
    const forced = await cli(folder, ['diag', '--output', 'mine.tar.gz', '--force']);
    expect(forced.exitCode, forced.errors.join('\n')).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await unpack(file)).texts.has('README.md')).toBe(true);
  });

  it.each([[[]], [['--output', 'mine.tar.gz', '--force']]])(
    'is not there after Ctrl-C: diag %j',
    async (args) => {
      // It asks a server that never answers: it is in the middle of its work for as long as we like.
      const server = await silentServer();
      onTestFinished(() => {
        server.close();
      });
      const folder = await testFolder();
      if (args.length > 0) await writeFile(join(folder, 'mine.tar.gz'), 'mine');
      const { child, errors, output } = startCli(folder, ['diag', ...args], {
        TEMPORAL_ADDRESS: server.address,
      });
      await expect.poll(errors, { timeout: 60_000 }).toContain('Collecting');
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      expect(await ended).toEqual([130, null]);
      expect(errors().trim().split('\n').slice(1)).toEqual(['Interrupted.']);
      expect(output()).toBe('');
      // What was there before stays as it was.
      expect(await readdir(folder)).toEqual(args.length > 0 ? ['mine.tar.gz'] : []);
      if (args.length > 0) expect(await readFile(join(folder, 'mine.tar.gz'), 'utf8')).toBe('mine');
    },
  );
});

describe('the parts of a diagnosis', () => {
  it('that fail or take too long are named, and take nothing along', async () => {
    const never = new Promise<never>(() => undefined);
    const found = await collectParts(
      [
        { what: 'a', limitMs: 1_000, collect: () => Promise.reject(new Error('broken')) },
        { what: 'b', limitMs: 10, collect: () => never },
        { what: 'c', limitMs: 1_000, collect: () => Promise.resolve({ secrets: ['here'] }) },
      ],
      new AbortController().signal,
    );
    expect(found.missing.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      'a: broken',
      'b: no answer within 0.01 s',
    ]);
    expect(found.secrets).toEqual(['here']);
  });

  it('know secrets by the names of their fields, and find them again in every spelling', () => {
    const data = { p: Buffer.from('Planted-Secret-6').toString('base64') };
    const secrets = [
      ...secretsIn({
        kind: 'Secret',
        data,
        env: [{ name: 'DB_PASSWORD', value: 'Planted/Env 7' }],
        login: { secret: 'name-of-a-secret' },
        password: 'admin',
      }),
      ...secretsOfEnvironment({ PROXY: 'http://me:Planted-8@proxy' }),
    ];
    expect(secrets).toEqual(['Planted-Secret-6', 'Planted/Env 7', 'Planted-8']);
    const cleaner = createCleaner(secrets);
    const text = (dirty: string): string => cleaner.text(dirty);
    for (const before of ['', 'x', 'xy']) {
      const coded = Buffer.from(`${before}Planted-Secret-6!`).toString('base64');
      expect(text(coded)).toContain('[redacted]');
    }
    expect(text(`?q=${encodeURIComponent('Planted/Env 7')}`)).toBe('?q=[redacted]');
    expect(text('git+https://tokentoken@host')).toBe('git+https://[redacted]@host');
  });
});
