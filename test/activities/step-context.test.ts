import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { asActivity, type HeartbeatDetails, type StepContext } from '../../src/activities/step-context.js';
import { failureTypes, TracewrightError, type FailureType } from '../../src/domain/failure.js';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { run } from '../../src/tools/process.js';

type Work = (task: string, step: StepContext) => Promise<string>;

const perform = (work: Work, env = new MockActivityEnvironment()): Promise<string> =>
  env.run(asActivity(work), 'task');

const failing =
  (type: FailureType, message = 'm') =>
  (): Promise<never> =>
    Promise.reject(new TracewrightError({ type, message, remedy: 'r', evidence: ['token=abcdefgh'] }));

describe('asActivity', () => {
  it('heartbeats what goes on and which programs run', async () => {
    const env = new MockActivityEnvironment();
    const beats: HeartbeatDetails[] = [];
    env.on('heartbeat', (details: HeartbeatDetails) => beats.push(details));
    await perform(async (_task, step) => {
      step.report('pulling image', 40);
      await run('sleep', ['0.3'], { onStart: step.onProcess });
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      return 'done';
    }, env);
    expect(beats[0]?.live).toEqual({ text: 'pulling image', percent: 40 });
    expect(beats.at(-1)?.processes).toHaveLength(1);
    expect(beats.length).toBeGreaterThanOrEqual(3);
  });

  it('on cancellation ends the whole process group before it reports', async () => {
    const env = new MockActivityEnvironment();
    let parent: ProcessIdentity | undefined;
    let grandchild = 0;
    const cancelled = perform(async (_task, step) => {
      await run('sh', ['-c', 'sleep 300 & echo $!; wait'], {
        signal: step.signal,
        onStart: (it) => (parent = it),
        onLine: (line) => {
          grandchild = Number(line);
          env.cancel('CANCELLED', { cancelRequested: true } as never);
        },
      });
      return 'never';
    }, env);
    await expect(cancelled).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(await isAlive(parent as ProcessIdentity)).toBe(false);
    expect(await identifyProcess(grandchild)).toBeUndefined();
  });

  it('ends what a dead attempt left running before it touches anything', async () => {
    let survivor: ProcessIdentity | undefined;
    const left = run('sleep', ['300'], { onStart: (it) => (survivor = it) });
    left.catch(() => undefined);
    await expect.poll(() => survivor).toBeDefined();
    const heartbeatDetails: HeartbeatDetails = {
      live: { text: '' },
      processes: [survivor as ProcessIdentity],
    };
    const env = new MockActivityEnvironment({ attempt: 2, heartbeatDetails });
    const alive = await perform(async () => String(await isAlive(survivor as ProcessIdentity)), env);
    expect(alive).toBe('false');
  });

  it('hands a typed failure on with its remedy and without secrets', async () => {
    const secret = failing('release.foreign', 'refused --password hunter22');
    await expect(perform(secret)).rejects.toMatchObject({
      type: 'release.foreign',
      nonRetryable: true,
      message: 'refused --password [redacted]',
      details: [{ type: 'release.foreign', remedy: 'r', evidence: ['token=[redacted]'] }],
    });
  });

  it.each(Object.entries(failureTypes).filter(([, kind]) => kind.retryable))(
    'retries %s until its last attempt',
    async (type, kind) => {
      const at = (attempt: number): Promise<string> =>
        perform(failing(type as FailureType), new MockActivityEnvironment({ attempt }));
      await expect(at(1)).rejects.toMatchObject({ type, nonRetryable: false });
      await expect(at(kind.attempts)).rejects.toMatchObject({ type, nonRetryable: true });
    },
  );

  it('reports what nobody expected as a bug, once', async () => {
    const bug = (): Promise<never> => Promise.reject(new TypeError('x is undefined'));
    await expect(perform(bug)).rejects.toMatchObject({
      type: 'internal.bug',
      nonRetryable: true,
      message: 'x is undefined',
    });
  });
});
