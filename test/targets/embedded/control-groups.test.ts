import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import {
  makeRoomForGroups,
  outermostGroups,
  parseHierarchies,
} from '../../../src/targets/embedded/control-groups.js';
import { whyUnsupported } from '../../../src/targets/embedded/host.js';

const id = 'tracewright-embedded-0a1b2c3d';
const docker = '/docker/5f0c';

const v1 = (root: string): string => `
41 40 0:29 ${root} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
42 40 0:30 ${root} /sys/fs/cgroup/memory rw,relatime master:9 - cgroup cgroup rw,memory
43 40 0:31 ${root} /sys/fs/cgroup/systemd rw,relatime - cgroup systemd rw,xattr,name=systemd
44 40 0:32 / /tmp rw - tmpfs tmpfs rw`;
const v2 = (root: string): string => `29 23 0:25 ${root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate`;

describe('the outermost control group of a process', () => {
  it.each([
    ['v1', v1('/'), `9:cpu,cpuacct:/${id}/node\n8:memory:/${id}/kubepods/x\n1:name=systemd:/\n0::/`],
    ['v1, in a container', v1(docker), `9:cpu,cpuacct:${docker}/${id}/node\n8:memory:${docker}\n0::/`],
    ['v2', v2('/'), `0::/${id}/node`],
    ['v2, in a container with a namespace of its own', v2('/'), `0::/${id}/kubepods/x`],
    ['v2, in a container without one', v2(docker), `0::${docker}/${id}/node`],
    ['v2, with the groups of the machine mounted', v2('/../..'), `0::/../../${id}/node`],
  ])('is that of the cluster: %s', (_, mountinfo, cgroup) => {
    const groups = outermostGroups(cgroup, parseHierarchies(mountinfo));
    expect(new Set(groups.filter((group) => group !== ''))).toEqual(new Set([id]));
  });

  it.each([
    ['of a container, seen from the machine around it', v1('/'), `8:memory:${docker}/${id}/node`],
    ['of the machine, seen from a container', v1(docker), `8:memory:/${id}/node`],
    ['of a container whose name begins as ours', v2(docker), `0::${docker}00/${id}/node`],
    ['in a tree that is not mounted', v1('/'), `3:pids:/${id}/node\n0::/${id}/node`],
    ['of nothing: the process has ended', v2('/'), ''],
  ])('is not that of a cluster %s', (_, mountinfo, cgroup) => {
    expect(outermostGroups(cgroup, parseHierarchies(mountinfo))).not.toContain(id);
  });
});

const reason = (await whyUnsupported()) ?? (await whyNoUnifiedTree());

/** Some machines have no v2 at all. */
async function whyNoUnifiedTree(): Promise<string | undefined> {
  const known = await readFile('/proc/filesystems', 'utf8');
  return known.includes('cgroup2') ? undefined : 'the kernel has no cgroup v2';
}

it.skipIf(reason !== undefined)('processes make room in the group of a v2 container', async () => {
  const mountPoint = await mkdtemp(join(tmpdir(), 'tracewright-groups-'));
  const mounted = await execa('mount', ['-t', 'cgroup2', 'none', mountPoint]);
  expect(mounted.exitCode).toBe(0);
  const container = join(mountPoint, 'tracewright-test-room');
  const sleepers = [1, 2, 3].map(() => execa('sleep', ['600'], { reject: false }));
  const procs = (group: string): Promise<string> => readFile(join(group, 'cgroup.procs'), 'utf8');
  try {
    await execa('mkdir', [container]);
    for (const { pid } of sleepers)
      await execa('tee', [join(container, 'cgroup.procs')], { input: String(pid) });
    const tree = { mountPoint: container, root: '/', controllers: undefined };
    await makeRoomForGroups([tree]);
    expect(await procs(container)).toBe('');
    const moved = (await procs(join(container, 'init'))).trim().split('\n').map(Number).sort();
    expect(moved).toEqual(sleepers.map(({ pid }) => pid).sort());
    // The root of a machine has no type, and is left as it is.
    await makeRoomForGroups([{ ...tree, mountPoint }]);
    await expect(procs(join(mountPoint, 'init'))).rejects.toThrow('ENOENT');
  } finally {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
    await Promise.all(sleepers);
    await expect
      .poll(() => execa('rmdir', [join(container, 'init'), container]).then(() => 'gone', String))
      .toBe('gone');
    await execa('umount', [mountPoint]);
    await rm(mountPoint, { recursive: true });
  }
});
