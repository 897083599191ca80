import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Group } from '../../bench/peers/group.js';
import { hierarchies } from '../../src/targets/embedded/control-groups.js';
import { findByVariable } from '../../src/tools/process-identity.js';
import { testFolder } from '../support/folder.js';

const unified = (await hierarchies()).find(({ controllers }) => controllers === undefined);
const writable = await access(unified?.mountPoint ?? '/nonexistent', constants.W_OK).then(
  () => true,
  () => false,
);
if (!writable)
  console.warn('The test of control groups is SKIPPED: there are none of version 2 to write in.');

test.skipIf(!writable)('a group counts and ends what has left its session and its parent', async () => {
  const cwd = await testFolder();
  const mark = ['BENCH_GROUP_TEST', String(process.pid)] as const;
  const group = await Group.make(`tracewright-test-${String(process.pid)}`);
  onTestFinished(() => group.close());
  const script = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; setsid sleep 300 & exit 3';
  const code = await group.run({
    argv: ['sh', '-c', script],
    cwd,
    env: { PATH: process.env['PATH'], [mark[0]]: mark[1] },
    logFile: join(cwd, 'log'),
  });
  expect(code).toBe(3);
  await expect.poll(() => findByVariable(...mark)).toHaveLength(1);
  expect(await group.processorMs()).toBeGreaterThan(20);
  await expect.poll(() => group.peakBytes).toBeGreaterThan(50_000);
  await group.kill();
  expect(await findByVariable(...mark)).toEqual([]);
});
