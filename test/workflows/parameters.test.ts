import { expect, it } from 'vitest';
import { findSpec } from '../../src/cli/environments.js';
import { parseAssignment } from '../../src/cli/parameters/read.js';
import { environmentWorkflowId } from '../../src/domain/names.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { ready, tearDown, update, useHarness, withEnvironment } from './harness.js';

const harness = useHarness();

it('an environment remembers what it was told to change, until it is told otherwise or taken away', async () => {
  const parameters = [parseAssignment('tempo.values.a=1')];
  await withEnvironment(
    harness,
    new ScriptedActivities(),
    async (environment) => {
      const name = environment.handle.workflowId.slice(environmentWorkflowId('').length);
      await ready(environment);
      expect(await findSpec(harness.client, name)).toMatchObject({ parameters });
      await update(environment, 'apply', { spec: spec() });
      await ready(environment, 2);
      expect(await findSpec(harness.client, name)).not.toHaveProperty('parameters');
      await tearDown(environment);
      expect(await findSpec(harness.client, name)).toBeUndefined();
    },
    { parameters },
  );
  expect(await findSpec(harness.client, 'nobody')).toBeUndefined();
});
