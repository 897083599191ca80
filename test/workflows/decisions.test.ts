import { describe, expect, it } from 'vitest';
import { defaultK3dSettings } from '../../src/domain/k3d-settings.js';
import type { EnvironmentSpec } from '../../src/domain/progress.js';
import type { RunTicket, StepDecision } from '../../src/workflows/messages.js';
import { fail, ScriptedActivities, untilCancelled } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import {
  quiet,
  ready as readyRun,
  refusalOf,
  type RunningEnvironment,
  stepOf,
  tearDown,
  update,
  useHarness,
  withEnvironment,
} from './harness.js';

const harness = useHarness();

const decide = (environment: RunningEnvironment, verb: string, step: string): Promise<RunTicket> =>
  environment.handle.executeUpdate<RunTicket, [StepDecision]>(verb, { args: [{ step }] });

const blocked = (environment: RunningEnvironment) =>
  environment.until('Blocked', (progress) => quiet(progress, 'hotrod'));
const ready = (environment: RunningEnvironment) =>
  environment.until('Ready', ({ phase }) => phase === 'Ready');

/** Fails for good until it is mended. */
function breakable(step: string): { scripted: ScriptedActivities; mend: () => void } {
  let broken = true;
  const scripted = new ScriptedActivities().on(step, () => {
    if (broken) fail('ready.crash-loop');
  });
  return { scripted, mend: () => (broken = false) };
}

describe('a blocked step', () => {
  it('is tried again on retry, and the install goes on from there', async () => {
    const { scripted, mend } = breakable('operator');
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      mend();
      await decide(environment, 'retry', 'operator');
      const progress = await ready(environment);
      expect(progress.run).toBe(1);
      expect(scripted.count('start operator')).toBe(2);
      expect(scripted.count('start cert-manager')).toBe(1);
      await tearDown(environment);
    });
  });

  it('blocks again when the retry fails', async () => {
    const { scripted } = breakable('operator');
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      await decide(environment, 'retry', 'operator');
      await environment.until('a second attempt', () => scripted.count('fail operator') === 2);
      await blocked(environment);
      await tearDown(environment);
    });
  });

  it('is left out on skip, and what needs it runs', async () => {
    const { scripted } = breakable('operator');
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      await decide(environment, 'skip', 'operator');
      const progress = await ready(environment);
      expect(stepOf(progress, 'operator').state).toBe('skipped');
      expect(stepOf(progress, 'collector').state).toBe('done');
      await tearDown(environment);
    });
  });

  it('goes on when the same spec is applied again', async () => {
    const { scripted, mend } = breakable('tempo');
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      mend();
      const ticket = await environment.handle.executeUpdate<RunTicket, [unknown]>('apply', {
        args: [{ spec: spec() }],
      });
      expect(ticket.run).toBe(1);
      await ready(environment);
      expect(scripted.count('start cluster')).toBe(1);
      await tearDown(environment);
    });
  });

  it('is the proof: then applying goes over everything again, and a retry only over the proof', async () => {
    const { scripted, mend } = breakable('verification');
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Blocked', (progress) => quiet(progress, 'verification'));
      await decide(environment, 'retry', 'verification');
      await environment.until('a second attempt', () => scripted.count('fail verification') === 2);
      await environment.until('Blocked', (progress) => quiet(progress, 'verification'));
      expect(scripted.count('start collector')).toBe(1);
      mend();
      expect(await update<RunTicket>(environment, 'apply', { spec: spec() })).toEqual({ run: 2 });
      await environment.until('run 2 Ready', ({ run, phase }) => run === 2 && phase === 'Ready');
      expect(scripted.count('start collector')).toBe(2);
      expect(scripted.count('start hotrod')).toBe(2);
      await tearDown(environment);
    });
  });

  it('is run anew with a changed spec', async () => {
    const { scripted, mend } = breakable('tempo');
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      mend();
      const changed = spec();
      changed.stack.description = 'with a mended value';
      const ticket = await environment.handle.executeUpdate<RunTicket, [unknown]>('apply', {
        args: [{ spec: changed }],
      });
      expect(ticket.run).toBe(2);
      const progress = await environment.until(
        'run 2 Ready',
        ({ run, phase }) => run === 2 && phase === 'Ready',
      );
      expect(progress.steps.every(({ state }) => state === 'done')).toBe(true);
      await tearDown(environment);
    });
  });

  it('can be aborted: what runs is cancelled, what is installed stays', async () => {
    const { scripted } = breakable('operator');
    scripted.on('hotrod', () => untilCancelled());
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      await environment.handle.executeUpdate('abort');
      const progress = await environment.until('Stopped', ({ phase }) => phase === 'Stopped');
      expect(progress.stoppedBecause).toBe('it was aborted');
      expect(scripted.count('cancel hotrod')).toBe(1);
      expect(stepOf(progress, 'tempo').state).toBe('done');
      expect(scripted.log.filter((entry) => entry.startsWith('remove'))).toEqual([]);
      await tearDown(environment);
    });
  });
});

describe('an environment whose run is being stopped', () => {
  it('takes what is applied now for the next run, not for the one that ends', async () => {
    const { scripted, mend } = breakable('operator');
    let first = true;
    scripted.on('hotrod', async () => {
      if (first) await untilCancelled(2_000);
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      mend();
      first = false;
      await update(environment, 'abort');
      expect((await environment.progress()).phase).not.toBe('Stopped');
      expect(await update<RunTicket>(environment, 'apply', { spec: spec() })).toEqual({ run: 2 });
      const progress = await environment.until('Ready', ({ run, phase }) => run === 2 && phase === 'Ready');
      expect(progress.stoppedBecause).toBeUndefined();
      expect(scripted.count('cancel hotrod')).toBe(1);
      expect(scripted.count('end hotrod')).toBe(1);
      await tearDown(environment);
    });
  });
});

describe('a stack that no client of ours would send', () => {
  const { tempo } = spec().stack.components;
  if (!tempo) throw new Error('The stack of these tests has a tempo.');
  const circular = spec({
    stack: { ...spec().stack, components: { tempo: { ...tempo, needs: ['tempo'] } } },
  });

  it('is refused, and the environment goes on as it was', async () => {
    await withEnvironment(harness, new ScriptedActivities(), async (environment) => {
      await ready(environment);
      expect(await refusalOf(update(environment, 'apply', { spec: circular }))).toContain('tempo → tempo');
      expect((await environment.progress()).phase).toBe('Ready');
      await tearDown(environment);
    });
  });

  it('ends a new environment with the reason, instead of trying for ever', async () => {
    await withEnvironment(
      harness,
      new ScriptedActivities(),
      async ({ handle }) => {
        await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'stack.cycle' } });
      },
      circular,
    );
  });
});

describe('an update that does not fit', () => {
  it('is not one whose target is written in another order, or leaves to the defaults what the cluster has', async () => {
    const older = { image: 'rancher/k3s:v1.30.0-k3s1', apiPort: 6443, ports: [] };
    await withEnvironment(
      harness,
      new ScriptedActivities(),
      async (environment) => {
        await ready(environment);
        const apply = (target: EnvironmentSpec['target']): Promise<RunTicket> =>
          update<RunTicket>(environment, 'apply', { spec: spec({ target }) });
        await apply({ k3d: { ports: [], apiPort: 6443, image: older.image }, kind: 'k3d' });
        await readyRun(environment, 2);
        await apply({ kind: 'k3d', k3d: defaultK3dSettings });
        await readyRun(environment, 3);
        expect((await environment.handle.query<EnvironmentSpec>('spec')).target.k3d).toEqual(older);
        const other = apply({ kind: 'k3d', k3d: { ...defaultK3dSettings, apiPort: 6550 } });
        expect(await refusalOf(other)).toMatch(/cannot move to k3d/);
        await tearDown(environment);
      },
      { target: { kind: 'k3d', k3d: older } },
    );
  });

  it('is refused with its reason and changes nothing', async () => {
    const { scripted } = breakable('operator');
    await withEnvironment(harness, scripted, async (environment) => {
      await blocked(environment);
      expect(await refusalOf(decide(environment, 'retry', 'tempo'))).toMatch(
        /"tempo" is not blocked: only operator waits/,
      );
      expect(await refusalOf(decide(environment, 'skip', 'nonsense'))).toMatch(/"nonsense" is not blocked/);
      expect(await refusalOf(environment.handle.executeUpdate('verify'))).toMatch(
        /the environment is Blocked; only a Ready environment/,
      );
      const elsewhere = spec({ target: { kind: 'k3d' } });
      const moved = environment.handle.executeUpdate('apply', { args: [{ spec: elsewhere }] } as never);
      expect(await refusalOf(moved)).toMatch(/cannot move to k3d/);
      expect(stepOf(await environment.progress(), 'operator').state).toBe('blocked');
      await tearDown(environment);
    });
  });

  it('refuses another stack while an install runs, and abort when nothing runs', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const scripted = new ScriptedActivities().on('tempo', () => held);
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('tempo running', (progress) => stepOf(progress, 'tempo').state === 'running');
      const changed = spec();
      changed.stack.description = 'other';
      const other = environment.handle.executeUpdate('apply', { args: [{ spec: changed }] } as never);
      expect(await refusalOf(other)).toMatch(/the environment is Provisioning with another stack/);
      release();
      await ready(environment);
      expect(await refusalOf(environment.handle.executeUpdate('abort'))).toMatch(
        /nothing runs: the environment is Ready/,
      );
      await tearDown(environment);
    });
  });
});

describe('a Ready environment', () => {
  it('proves itself again on verify and runs nothing else', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      const { run } = await environment.handle.executeUpdate<RunTicket, []>('verify');
      const progress = await environment.until('run 2', (it) => it.run === run && it.phase === 'Ready');
      expect(scripted.count('start verification')).toBe(2);
      expect(scripted.count('start tempo')).toBe(1);
      expect(stepOf(progress, 'tempo').state).toBe('done');
      await tearDown(environment);
    });
  });

  it('runs the whole plan again when its spec is applied again', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      const { run } = await environment.handle.executeUpdate<RunTicket, [unknown]>('apply', {
        args: [{ spec: spec() }],
      });
      await environment.until('run 2', (it) => it.run === run && it.phase === 'Ready');
      expect(scripted.count('start tempo')).toBe(2);
      await tearDown(environment);
    });
  });

  it('executes an update that is sent twice under one id only once', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      const once = (): Promise<RunTicket> =>
        environment.handle.executeUpdate<RunTicket, []>('verify', { updateId: 'once' });
      expect(await Promise.all([once(), once()])).toEqual([{ run: 2 }, { run: 2 }]);
      await environment.until('run 2', (it) => it.run === 2 && it.phase === 'Ready');
      expect(await once()).toEqual({ run: 2 });
      expect((await environment.progress()).run).toBe(2);
      await tearDown(environment);
    });
  });
});
