import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { createCleaner } from '../../src/cli/diag/cleaner.js';
import { collectParts } from '../../src/cli/diag/part.js';
import { secretsIn, secretsOfEnvironment } from '../../src/cli/diag/known-secrets.js';
import { ScriptedActivities, fail } from '../support/fake-activities.js';
import { testFolder } from '../support/folder.js';
import { startRealHarness, tearDown, useHarness, withEnvironment } from '../workflows/harness.js';
import { cli } from './support.js';

const planted = {
  parameter: 'Planted-Grafana-1',
  failure: 'Planted-Failure-2',
  url: 'Planted-Url-3',
  log: 'Planted-Log-4',
  variable: 'Planted-Variable-5',
} as const;

/** All that is in the archive, as one text. */
async function unpack(file: string, folder: string): Promise<string> {
  await execa('tar', ['-xzf', file, '-C', folder]);
  const { stdout } = await execa('find', [folder, '-type', 'f']);
  const texts = await Promise.all(stdout.split('\n').map((path) => readFile(path, 'utf8')));
  return [...texts, stdout].join('\n');
}

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
      await mkdir(join(folder, 'state/worker'), { recursive: true });
      await writeFile(
        join(folder, 'state/worker/worker.log'),
        `token: ${planted.log}\nheard ${planted.variable} and ${planted.parameter}\n`,
      );
      const env = { TEMPORAL_ADDRESS: harness.env.address, MY_TOKEN: planted.variable };
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
        const text = await unpack(join(folder, 'it.tar.gz'), await testFolder());
        expectNone(text + stdout);
        expect(text).toMatch(/installRelease tempo.*: \[manifest\.rejected\] https:\/\//u);
        expect(text).toContain('heard [redacted] and [redacted]');
        expect(text).toContain('- not collected: everything of the cluster');
        expect((await run(folder, name)).errors.join()).toContain('[output.exists]');
        await tearDown(environment);
      },
      { parameters },
    );
  });

  it('tells of the machine alone where there is no environment, and starts nothing', async () => {
    const folder = await testFolder();
    const { exitCode, stdout } = await cli(folder, ['diag']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('doctor.txt');
    expect(stdout).toContain('not collected: the plan, the progress and the history of the workflow');
    expect(stdout).toContain('Look through it before you send it');
    const unwritable = await cli(folder, ['diag', '--output', 'nowhere/it.tar.gz']);
    expect(unwritable).toMatchObject({ exitCode: 1 });
    expect(unwritable.errors[0]).toContain('[output.unwritable]');
  });
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
