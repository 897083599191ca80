import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentFolder, forgetEnvironment } from '../../src/tools/environment-folder.js';
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
    const { state, folder } = await fill([]);
    await forgetEnvironment(folder);
    expect(await readdir(join(state, 'environments'))).toEqual([]);
    await forgetEnvironment(folder);
  });

  it('stays with the claim of an attempt that still runs', async () => {
    const { folder } = await fill(['cluster.lock']);
    await forgetEnvironment(folder);
    expect(await readdir(folder, { recursive: true })).toEqual(['processes', 'processes/cluster.lock']);
  });
});
