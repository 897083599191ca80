import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  environmentFolder,
  forgetEnvironment,
  keepShell,
  shellOf,
} from '../../src/tools/environment-folder.js';
import { testFolder } from '../support/folder.js';

describe("an environment's folder", () => {
  const fill = async (claims: readonly string[]): Promise<{ state: string; folder: string }> => {
    const state = await testFolder();
    const folder = environmentFolder(state, 'demo');
    for (const part of ['logs', 'helm/tracing.tempo/cache', 'processes'])
      await mkdir(join(folder, part), { recursive: true });
    await writeFile(join(folder, 'logs', 'tempo.log'), 'helm said');
    for (const claim of claims) await writeFile(join(folder, 'processes', claim), '');
    return { state, folder };
  };

  it('goes as a whole after the teardown, and may be gone already', async () => {
    // Whoever wrote that one was killed over it, or had no room.
    const { state, folder } = await fill(['tempo.json.tmp']);
    await forgetEnvironment(folder);
    expect(await readdir(join(state, 'environments'))).toEqual([]);
    await forgetEnvironment(folder);
  });

  it('stays with the claim of an attempt that still runs', async () => {
    const { folder } = await fill(['cluster.lock']);
    await forgetEnvironment(folder);
    expect(await readdir(folder, { recursive: true })).toEqual(['processes', 'processes/cluster.lock']);
  });

  it('keeps the variables of the shell that wanted something last, in place of those of the worker', async () => {
    const folder = environmentFolder(await testFolder(), 'demo');
    const worker = {
      PATH: '/bin',
      AWS_PROFILE: 'team',
      HTTPS_PROXY: 'http://proxy',
      TEMPORAL_ADDRESS: 'a:7233',
      TRACEWRIGHT_READY_FILE: '/ready',
    };
    expect(await shellOf(folder, worker)).toEqual(worker);
    await keepShell(folder, { PATH: '/usr/bin', AWS_PROFILE: 'mine', TEMPORAL_ADDRESS: 'b:7233' });
    expect((await stat(join(folder, 'shell.json'))).mode & 0o777).toBe(0o600);
    expect(await shellOf(folder, worker)).toEqual({
      ...worker,
      PATH: '/usr/bin',
      AWS_PROFILE: 'mine',
      HTTPS_PROXY: undefined,
    });
    await forgetEnvironment(folder);
    expect(await shellOf(folder, worker)).toEqual(worker);
  });
});
