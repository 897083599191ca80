import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentWorkflowId, sharedTaskQueue } from '../../src/domain/names.js';
import { testFolder } from '../support/folder.js';
import { spec } from '../support/stack.js';
import { startRealHarness, useHarness } from '../workflows/harness.js';
import { cli } from './support.js';

const harness = useHarness(startRealHarness);

describe('behind a Temporal server of your own', () => {
  it('a command that only looks makes no worker of this machine, and says that none answers', async () => {
    const folder = await testFolder();
    await harness.client.workflow.start('environment', {
      workflowId: environmentWorkflowId('theirs'),
      taskQueue: sharedTaskQueue,
      args: [{ name: 'theirs', spec: spec() }],
    });
    const env = { TEMPORAL_ADDRESS: harness.env.address };
    const { exitCode, errors } = await cli(folder, ['status', '--name', 'theirs'], { env });
    expect(errors[0]).toBe(
      'error [temporal.worker-missing] The Temporal server answers, but no worker takes tasks for the environment "theirs".',
    );
    expect(exitCode).toBe(1);
    expect(existsSync(join(folder, 'state', 'worker'))).toBe(false);
  });
});
