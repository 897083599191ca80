import { mkdir, mkdtemp, readFile, rm, rmdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { areReadOnly, hierarchies } from '../../../src/targets/embedded/control-groups.js';
import { liveClusterIds } from '../../../src/targets/embedded/processes.js';
import { findEmbeddedClusters } from '../../../src/targets/embedded/residue.js';

const mounted = await hierarchies();
/** Of the unified hierarchy: there a process keeps its group until it is reaped. */
const unified = mounted.find(({ controllers }) => controllers === undefined)?.mountPoint;
const isRoot = process.getuid?.() === 0;
const reason =
  unified === undefined || !isRoot || (await areReadOnly()) ? 'no control group can be made' : undefined;

describe.skipIf(reason !== undefined)(
  `a process in the control group of a cluster${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    it('counts while it lives, and not when it has ended and nobody reaps it', async () => {
      const id = `tracewright-reaped-${randomBytes(4).toString('hex')}`;
      const group = join(unified ?? '', id);
      await mkdir(group);
      onTestFinished(() => rmdir(group));
      // What becomes of the shell never asks for the child that the shell has started.
      const member = `echo $$ > ${group}/cgroup.procs && echo $$ && exec sleep 300`;
      const parent = execa('sh', ['-c', `sh -c '${member}' & exec sleep 300`], { reject: false, all: true });
      onTestFinished(async () => {
        parent.kill('SIGKILL');
        await parent;
      });
      let said = '';
      parent.all.on('data', (text: Buffer) => (said += text.toString()));
      const pid = await vi.waitFor(() => Number(/^(\d+)\n/u.exec(said)?.[1] ?? expect.fail()), {
        timeout: 30_000,
      });
      expect(await liveClusterIds()).toContainEqual([id, 'reaped']);
      process.kill(pid, 'SIGKILL');
      const hasEnded = async (): Promise<void> => {
        expect(await readFile(`/proc/${String(pid)}/status`, 'utf8')).toMatch(/^State:\s+Z/mu);
      };
      await vi.waitFor(hasEnded, { timeout: 30_000 });
      expect(await readFile(`/proc/${String(pid)}/cgroup`, 'utf8')).toContain(`/${id}`);

      expect((await liveClusterIds()).has(id)).toBe(false);
      const empty = await mkdtemp(join(tmpdir(), 'tracewright-state-'));
      onTestFinished(() => rm(empty, { recursive: true }));
      const found = await findEmbeddedClusters(empty);
      expect(found.map(({ environment }) => environment)).not.toContain('reaped');
    });
  },
);
