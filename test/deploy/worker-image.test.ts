import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { markWorkerReady } from '../../src/temporal/worker-process.js';
import { testFolder } from '../support/folder.js';

const deploy = resolve(import.meta.dirname, '../../deploy');
const dockerfile = await readFile(join(deploy, 'Dockerfile'), 'utf8');

describe('the image of the worker', () => {
  it('has in its build context what it copies', async () => {
    const rules = (await readFile(join(deploy, 'Dockerfile.dockerignore'), 'utf8')).trim().split('\n');
    expect(rules[0]).toBe('*');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gmu)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !rules.includes(`!${path.replace(/^\.\//u, '')}`))).toEqual([]);
  });

  it('copies what `npm run build` runs', async () => {
    const text = await readFile(resolve(deploy, '../package.json'), 'utf8');
    const { scripts } = JSON.parse(text) as { scripts: { build: string } };
    const runs = [...scripts.build.matchAll(/\bnode (?!dist\/)(\w+)\/\S+\.js/gu)].map(
      ([, folder = '']) => folder,
    );
    expect(runs).toContain('page');
    for (const folder of runs) expect(dockerfile).toMatch(new RegExp(`^COPY ${folder} `, 'mu'));
  });

  it('builds without a builder that would have to be pulled', () => {
    expect(dockerfile).not.toMatch(/^# *syntax=/mu);
  });

  it('is healthy once its worker is ready, and for as long as that one lives', async () => {
    const [, readyFile] = /TRACEWRIGHT_READY_FILE=(\S+)/u.exec(dockerfile) ?? [];
    // Its root is read-only, and what the next start finds must not be of the one before.
    expect(readyFile).toMatch(/^\/tmp\//u);
    const marker = join(await testFolder(), 'ready.json');
    const isHealthy = async (): Promise<boolean> => {
      const env = { TRACEWRIGHT_READY_FILE: marker };
      return (
        (await execa('node', [join(deploy, 'worker-health.mjs')], { env, reject: false })).exitCode === 0
      );
    };
    expect(await isHealthy()).toBe(false);
    await markWorkerReady({ readyFile: marker });
    expect(await isHealthy()).toBe(true);
    const other = execa('node', [
      '--eval',
      `
      import(${JSON.stringify(resolve(deploy, '../dist/temporal/worker-process.js'))})
        .then(({ markWorkerReady }) => markWorkerReady({ readyFile: process.argv[1] }))`,
      marker,
    ]);
    await other;
    expect(await isHealthy()).toBe(false);
  });
});
