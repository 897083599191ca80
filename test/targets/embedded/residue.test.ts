import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { clusterFolder } from '../../../src/targets/embedded/folder.js';
import type { EmbeddedPrograms } from '../../../src/targets/embedded/build/store.js';
import { ensureHostPrograms } from '../../../src/targets/embedded/packages.js';
import { findResidue } from '../../../src/targets/embedded/residue.js';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import { compile } from '../../support/compile.js';
import { embeddedPrograms, whyNoCluster, withoutWorkloads } from '../../support/embedded-cluster.js';
import { differences, snapshotHost } from '../../support/host-snapshot.js';

const unsupported = await whyNoCluster();
const onProgress = (): void => undefined;

describe.skipIf(unsupported !== undefined)('what a deleted cluster leaves on its host', () => {
  let build: EmbeddedPrograms;

  beforeAll(async () => {
    build = withoutWorkloads(await embeddedPrograms());
    await ensureHostPrograms({ onProgress }); // packages stay, so they are there before the first look
  }, 20 * 60_000);

  // Other programs of the machine start, end and write at any time; residue is there every time.
  test('nothing', { retry: 3, timeout: 240_000 }, async () => {
    const state = await mkdtemp(join(tmpdir(), 'tracewright-cluster-'));
    const target = createEmbeddedTarget({ name: 'residue', stateDir: state, build });
    const before = await snapshotHost();
    await target.create({ onProgress });
    const between = await snapshotHost();
    await target.delete();
    await rm(state, { recursive: true });
    expect(differences(before, between).join('\n')).toContain('kubelet'); // the look sees what there is to see
    await expect
      .poll(async () => differences(before, await snapshotHost()), { timeout: 15_000, interval: 500 })
      .toEqual([]);
  });

  test('nothing, wherever the process that creates it is killed', { timeout: 300_000 }, async () => {
    const script = await compile('src/targets/embedded/target.ts');
    await symlink(resolve('embedded'), join(script, '../../../../embedded'));
    const state = await mkdtemp(join(tmpdir(), 'tracewright-cluster-'));
    const { id } = clusterFolder(state, 'killed');
    const target = createEmbeddedTarget({ name: 'killed', stateDir: state, build });
    const program = `import(${JSON.stringify(script)}).then(({ createEmbeddedTarget }) =>
      createEmbeddedTarget(${JSON.stringify({ name: 'killed', stateDir: state, build })}).create({ onProgress: console.log }))`;
    await mkdir(join(state, 'clusters'), { recursive: true });
    // From the start of node to the wait for DNS; the last time it goes on to the end.
    for (const afterMs of [400, 700, 1_000, 2_000, 4_000]) {
      const child = execa('node', ['--eval', program], { reject: false, stdout: 'ignore' });
      await sleep(afterMs);
      child.kill('SIGKILL');
      await child;
      if (afterMs === 1_000) await target.delete(); // also of what is half made
    }
    await target.create({ onProgress });
    expect((await target.observe()).phase).toBe('ready');
    await target.delete();
    expect(await findResidue(clusterFolder(state, 'killed'))).toEqual([]);
    expect(await target.observe(), id).toEqual({ phase: 'absent', facts: {} });
    await rm(state, { recursive: true });
  });
});
