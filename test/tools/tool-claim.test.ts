import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endProcess, identifyProcess, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { run } from '../../src/tools/process.js';
import {
  attemptMark,
  endOtherTools,
  lostAttempts,
  withTools,
  type AttemptRecord,
  type ClaimOptions,
} from '../../src/tools/tool-claim.js';
import { compile } from '../support/compile.js';
import { testFolder } from '../support/folder.js';

const component = 'tempo';

async function readRecord(folder: string): Promise<AttemptRecord> {
  return JSON.parse(await readFile(join(folder, `${component}.json`), 'utf8')) as AttemptRecord;
}

/** Kills a process that holds the claim and has a shell with a child running. @returns the pids of those two */
async function killedClaimer(folder: string): Promise<number[]> {
  const script = await compile('test/tools/tool-claimer.ts');
  const child = spawn(process.execPath, [script, folder, component], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const pids = String(line).trim().split(' ').map(Number);
  await expect.poll(async () => (await readRecord(folder)).processes.length).toBe(1);
  child.kill('SIGKILL');
  await exit;
  onTestFinished(async () => {
    for (const pid of pids) await endProcess({ pid, startTime: '' }, { graceMs: 0 });
  });
  expect(await living(pids)).toEqual(pids);
  return pids;
}

async function living(pids: readonly number[]): Promise<number[]> {
  const identities = await Promise.all(pids.map(identifyProcess));
  return identities.flatMap((identity) => identity?.pid ?? []);
}

/** A program that nobody claims, as an earlier attempt would have left it. */
async function stray(env: Readonly<Record<string, string>> = {}): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['300'], { stdio: 'ignore', detached: true, env: { ...process.env, ...env } });
  await once(child, 'spawn');
  const identity = (await identifyProcess(child.pid ?? 0)) as ProcessIdentity;
  onTestFinished(() => endProcess(identity, { graceMs: 0 }).then(() => undefined));
  return identity;
}

async function writeRecord(folder: string, record: AttemptRecord): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${component}.json`), JSON.stringify(record));
}

const claim = (folder: string, more: Partial<ClaimOptions> = {}): Promise<string> =>
  withTools({ folder, component, ...more }, () => Promise.resolve('done'));

describe('withTools', { timeout: 60_000 }, () => {
  it('lets one attempt after the other start programs, also within a process', async () => {
    const folder = join(await testFolder(), 'processes');
    let running = 0;
    let most = 0;
    const attempts = Array.from({ length: 5 }, () =>
      withTools({ folder, component }, async (owner) => {
        most = Math.max(most, ++running);
        await run('sleep', ['0.05'], { owner });
        running -= 1;
      }),
    );
    await Promise.all(attempts);
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('lets other components go on meanwhile', async () => {
    const folder = await testFolder();
    const result = await withTools({ folder, component: 'hotrod' }, () => claim(folder));
    expect(result).toBe('done');
  });

  it('keeps a record of what runs, for its owner alone, and only while it runs', async () => {
    const folder = await testFolder();
    const seen: number[] = [];
    await withTools({ folder, component, onChange: ({ length }) => seen.push(length) }, async (owner) => {
      const sleeping = run('sleep', ['0.5'], { owner });
      await expect.poll(async () => (await readRecord(folder)).processes.length).toBe(1);
      const { mark, processes } = await readRecord(folder);
      const [identity] = processes as [ProcessIdentity];
      expect(await identifyProcess(identity.pid)).toEqual(identity);
      expect(await readFile(`/proc/${String(identity.pid)}/environ`, 'utf8')).toContain(
        `${attemptMark}=${mark}`,
      );
      expect((await stat(join(folder, `${component}.json`))).mode & 0o777).toBe(0o600);
      await sleeping;
    });
    expect(seen).toEqual([1, 0]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('ends what a killed process left running, children included, before the work begins', async () => {
    const folder = await testFolder();
    const pids = await killedClaimer(folder);
    const ended: number[] = [];
    const atWork = await withTools(
      { folder, component, onSurvivor: ({ pid }) => ended.push(pid) },
      async () => living(pids),
    );
    expect(atWork).toEqual([]);
    expect(ended).toContain(pids[0]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('knows them also after a second death in a row', async () => {
    const folder = await testFolder();
    const first = await killedClaimer(folder);
    const second = await killedClaimer(folder);
    expect(await living(first)).toEqual([]);
    await claim(folder);
    expect(await living(second)).toEqual([]);
  });

  it('finds by its mark what a process started and could not write down any more', async () => {
    const folder = await testFolder();
    const { pid } = await stray({ [attemptMark]: 'cafe' });
    await writeRecord(folder, { mark: 'cafe', processes: [] });
    await claim(folder);
    expect(await living([pid])).toEqual([]);
  });

  it('ends what is named from elsewhere', async () => {
    const survivor = await stray();
    await claim(await testFolder(), { survivors: [survivor] });
    expect(await living([survivor.pid])).toEqual([]);
  });

  it('leaves a stranger alone that has the pid of a dead program', async () => {
    const folder = await testFolder();
    const { pid } = await stray();
    const before = { pid, startTime: '1' };
    await writeRecord(folder, { mark: 'cafe', processes: [before] });
    await claim(folder, { survivors: [before] });
    expect(await living([pid])).toEqual([pid]);
  });

  it('says what it waits for, and stops waiting on cancellation', async () => {
    const folder = await testFolder();
    const said: string[] = [];
    const stop = new AbortController();
    await withTools({ folder, component }, async () => {
      const waiting = claim(folder, {
        signal: stop.signal,
        onProgress: (text) => {
          said.push(text);
          stop.abort();
        },
      });
      await expect(waiting).rejects.toMatchObject({ type: 'step.cancelled' });
    });
    expect(said).toEqual([`waiting for another attempt to end (process ${String(process.pid)})`]);
  });

  it('takes half a record for none', async () => {
    const folder = await testFolder();
    await writeFile(join(folder, `${component}.json`), '{"mark": "ca');
    expect(await claim(folder)).toBe('done');
  });

  it('keeps its record while something of it still runs', async () => {
    const folder = await testFolder();
    const left = await stray();
    await withTools({ folder, component }, (owner) => {
      owner.started(left);
      return Promise.resolve();
    });
    expect((await readRecord(folder)).processes).toEqual([left]);
  });
});

describe('lostAttempts', { timeout: 60_000 }, () => {
  it('names the attempts of killed processes, until the next one has taken over', async () => {
    const folder = await testFolder();
    await killedClaimer(folder);
    expect(await lostAttempts(folder)).toEqual(['token']);
    await withTools({ folder, component, token: 'live' }, async () => {
      expect(await lostAttempts(folder)).toEqual([]);
    });
    expect(await lostAttempts(folder)).toEqual([]);
  });
});

describe('endOtherTools', { timeout: 60_000 }, () => {
  it('ends the programs of all components but its own', async () => {
    const folder = await testFolder();
    const pids = await killedClaimer(folder);
    await withTools({ folder, component: 'cluster' }, () => endOtherTools({ folder, component: 'cluster' }));
    expect(await living(pids)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('has nothing to do where nothing was ever started', async () => {
    await endOtherTools({ folder: join(await testFolder(), 'none'), component: 'cluster' });
  });

  it('clears a lock whose holder died before it wrote its record', async () => {
    const folder = await testFolder();
    await killedClaimer(folder);
    await rm(join(folder, `${component}.json`));
    await endOtherTools({ folder, component: 'cluster' });
    expect(await readdir(folder)).toEqual([]);
  });
});
