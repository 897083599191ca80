import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../src/tools/lock.js';
import { compile } from '../support/compile.js';
import { testFolder } from '../support/folder.js';
import { containing } from '../support/match.js';

function starting(script: string, lock: string): ChildProcessByStdio<null, Readable, null> {
  return spawn(process.execPath, [script, lock, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function holder(script: string, lock: string): Promise<ChildProcess> {
  const child = starting(script, lock);
  await once(child.stdout, 'data');
  return child;
}

describe('withLock', { timeout: 30_000 }, () => {
  it('runs one holder at a time within a process, and leaves nothing behind', async () => {
    const folder = await testFolder();
    let inside = 0;
    let most = 0;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        withLock(join(folder, 'lock'), {}, async () => {
          most = Math.max(most, ++inside);
          await new Promise((resolve) => setTimeout(resolve, 1));
          inside -= 1;
          return index;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(results).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(await readdir(folder)).toEqual([]);
  });

  it('is released when the work under it fails', async () => {
    const lock = join(await testFolder(), 'lock');
    await expect(withLock(lock, {}, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(withLock(lock, { timeoutMs: 0 }, () => Promise.resolve('free'))).resolves.toBe('free');
  });

  it('names the live process that holds it', async () => {
    const lock = join(await testFolder(), 'lock');
    const child = await holder(await compile('test/tools/lock-contender.ts'), lock);
    try {
      await expect(withLock(lock, { timeoutMs: 100 }, () => Promise.resolve())).rejects.toMatchObject({
        type: 'state.locked',
        message: containing(`process ${String(child.pid)} `),
      });
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('stops waiting on cancellation', async () => {
    const lock = join(await testFolder(), 'lock');
    await withLock(lock, {}, async () => {
      const waiting = withLock(lock, { signal: AbortSignal.timeout(50) }, () => Promise.resolve());
      await expect(waiting).rejects.toMatchObject({ type: 'step.cancelled' });
    });
  });

  it('is taken over at once when its holder was killed', async () => {
    const folder = await testFolder();
    const lock = join(folder, 'lock');
    const child = await holder(await compile('test/tools/lock-contender.ts'), lock);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    // What a contender that was killed while it waited leaves.
    await mkdir(`${lock}.${String(child.pid)}-1-0badcafe`);
    await withLock(lock, { timeoutMs: 0 }, () => Promise.resolve());
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not fooled by a later process with the same pid', async () => {
    const lock = join(await testFolder(), 'lock');
    await mkdir(lock);
    await writeFile(join(lock, `${String(process.pid)}-1-0badcafe`), '');
    await expect(withLock(lock, { timeoutMs: 0 }, () => Promise.resolve('mine'))).resolves.toBe('mine');
  });

  it('loses no update while contenders are killed', { timeout: 60_000 }, async () => {
    const folder = await testFolder();
    const counter = join(folder, 'counter');
    const script = await compile('test/tools/lock-contender.ts');
    await writeFile(counter, '0');
    const rounds = 40;
    const exits = Array.from({ length: 6 }, () =>
      once(
        spawn(process.execPath, [script, join(folder, 'lock'), counter, String(rounds)], {
          stdio: 'inherit',
        }),
        'exit',
      ),
    );
    for (let kill = 0; kill < 16; kill += 1) {
      // Half of them die while they hold the lock, half at whatever they do: start, wait, prepare, hold.
      const victim =
        kill % 2 === 0 ? await holder(script, join(folder, 'lock')) : starting(script, join(folder, 'lock'));
      await sleep(kill % 2 === 0 ? 0 : 100 + Math.random() * 200);
      victim.kill('SIGKILL');
    }
    expect(await Promise.all(exits)).toEqual(Array.from({ length: 6 }, () => [0, null]));
    expect(Number(await readFile(counter, 'utf8'))).toBe(6 * rounds);
  });
});
