import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { asActivity, type HeartbeatDetails, type StepContext } from '../../src/activities/step-context.js';
import {
  failureTypes,
  TracewrightError,
  type FailureKind,
  type FailureType,
} from '../../src/domain/failure.js';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { run } from '../../src/tools/process.js';
import { onStart } from '../support/owner.js';

type Work = (task: string, step: StepContext) => Promise<string>;

const perform = (work: Work, env = new MockActivityEnvironment()): Promise<string> =>
  env.run(asActivity(work), 'task');

const failing =
  (type: FailureType, message = 'm') =>
  (): Promise<never> =>
    Promise.reject(new TracewrightError({ type, message, remedy: 'r', evidence: ['token=abcdefgh'] }));

/** The attempt after those that ended so: `undefined` for one that died without a word. */
function failingAfter(ends: readonly (string | undefined)[], type: string): Promise<string> {
  const attempts = ends.map((failure, index) => ({
    ...{ attempt: index + 1, startedAt: 0, endedAt: 0, calls: [] },
    ...(failure !== undefined && { failure }),
  }));
  const heartbeatDetails: HeartbeatDetails = { live: { text: '' }, processes: [], attempts };
  const env = new MockActivityEnvironment({ attempt: ends.length + 1, heartbeatDetails });
  return perform(failing(type as FailureType), env);
}

describe('asActivity', () => {
  it('heartbeats what goes on, from beginning to end', async () => {
    const env = new MockActivityEnvironment();
    const beats: HeartbeatDetails[] = [];
    env.on('heartbeat', (details: HeartbeatDetails) => beats.push(details));
    await perform(async (_task, step) => {
      step.report('pulling image', 40);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      return 'done';
    }, env);
    expect(beats[0]?.live).toEqual({ text: 'pulling image', percent: 40 });
    expect(beats.length).toBeGreaterThanOrEqual(2);
  });

  it('on cancellation ends the whole process group before it reports', async () => {
    const env = new MockActivityEnvironment();
    let parent: ProcessIdentity | undefined;
    let grandchild = 0;
    const cancelled = perform(async (_task, step) => {
      await run('sh', ['-c', 'sleep 300 & echo $!; wait'], {
        signal: step.signal,
        owner: onStart((it) => (parent = it)),
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

  it('has the next attempt wait for as long as the failure says', async () => {
    const limited = new TracewrightError({
      type: 'ready.image-pull',
      message: 'm',
      remedy: 'r',
      retryAfterMs: 70_000,
    });
    await expect(perform(() => Promise.reject(limited))).rejects.toMatchObject({ nextRetryDelay: 70_000 });
    await expect(perform(failing('ready.image-pull'))).rejects.not.toHaveProperty('nextRetryDelay', 70_000);
  });

  it('says of a worker that is stopped that the next one goes on', async () => {
    const env = new MockActivityEnvironment();
    const stopped = perform((_task, { signal }) => {
      env.cancel('WORKER_SHUTDOWN', { cancelRequested: false, workerShutdown: true } as never);
      return Promise.reject(signal.reason as Error);
    }, env);
    await expect(stopped).rejects.toMatchObject({ type: 'worker.shutdown', nonRetryable: false });
  });

  it.each([
    [
      { paused: true, workerShutdown: true },
      'step.held',
      /operator .*paused/u,
      /temporal activity unpause --workflow-id \S+ --activity-id \S+$/u,
    ],
    [{ reset: true, workerShutdown: true }, 'step.reset', /operator .*reset/u, /./u],
  ])(
    'says of an attempt that an operator stops whose doing it is: %j',
    async (details, type, message, remedy) => {
      const env = new MockActivityEnvironment();
      const stopped = perform((_task, { signal }) => {
        env.cancel('PAUSED', { cancelRequested: false, ...details } as never);
        return Promise.reject(signal.reason as Error);
      }, env);
      await expect(stopped).rejects.toMatchObject({
        type,
        nonRetryable: false,
        message: expect.stringMatching(message) as string,
        details: [{ remedy: expect.stringMatching(remedy) as string }],
      });
    },
  );

  it('hands a typed failure on with its remedy and without secrets', async () => {
    const secret = failing('release.foreign', 'refused --password hunter22');
    await expect(perform(secret)).rejects.toMatchObject({
      type: 'release.foreign',
      nonRetryable: true,
      message: 'refused --password [redacted]',
      details: [
        { type: 'release.foreign', remedy: 'r', evidence: ['token=[redacted]'] },
        { attempts: [{ attempt: 1, failure: 'release.foreign' }] },
      ],
    });
  });

  it('hands on what was done without secrets', async () => {
    const work = asActivity(() => Promise.resolve({ outcome: 'installed with token=abcdefgh', revision: 1 }));
    const result: unknown = await new MockActivityEnvironment().run(work, 'task');
    expect(result).toMatchObject({ outcome: 'installed with token=[redacted]', revision: 1 });
  });

  it('tells the next attempt what it did, and how it ended', async () => {
    const first = new MockActivityEnvironment();
    const beats: HeartbeatDetails[] = [];
    first.on('heartbeat', (details: HeartbeatDetails) => beats.push(details));
    const broken = perform(async (_task, step) => {
      await step.timed('kubernetes', 'apply 2 objects', () => Promise.resolve());
      throw new TracewrightError({ type: 'release.failed', message: 'm', remedy: 'r' });
    }, first);
    await expect(broken).rejects.toMatchObject({ type: 'release.failed' });
    const second = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: beats.at(-1) });
    const work = asActivity(() => Promise.resolve({ outcome: 'installed' }));
    expect(await second.run(work, 'task')).toMatchObject({
      attempts: [
        { attempt: 1, failure: 'release.failed', calls: [{ name: 'apply 2 objects' }] },
        { attempt: 2, calls: [] },
      ],
    });
  });

  it('tells what a cancelled attempt did', async () => {
    const env = new MockActivityEnvironment();
    const cancelled = perform((_task, { note, signal }) => {
      note({ tool: 'helm', name: 'upgrade tempo', startedAt: 1, endedAt: 2 });
      env.cancel('CANCELLED', { cancelRequested: true } as never);
      return Promise.reject(signal.reason as Error);
    }, env);
    await expect(cancelled).rejects.toMatchObject({
      details: [{ attempts: [{ failure: 'step.cancelled', calls: [{ name: 'upgrade tempo' }] }] }],
    });
  });

  const limited = Object.entries<FailureKind>(failureTypes).filter(
    ([, { retryable, attempts }]) => retryable && Number.isFinite(attempts),
  );

  it.each(limited)('retries %s until its last attempt', async (type, { attempts }) => {
    const failed = Array.from({ length: attempts }, () => type);
    await expect(failingAfter(failed.slice(2), type)).rejects.toMatchObject({ type, nonRetryable: false });
    await expect(failingAfter(failed.slice(1), type)).rejects.toMatchObject({ type, nonRetryable: true });
  });

  it('does not count attempts that were cut short: by a killed worker, a stopped one, or an operator', async () => {
    const cut = [undefined, 'worker.shutdown', 'step.held', 'step.reset', undefined, undefined, undefined];
    const type = 'proof.trace-incomplete';
    await expect(failingAfter(cut, type)).rejects.toMatchObject({ type, nonRetryable: false });
    await expect(failingAfter([...cut, type], type)).rejects.toMatchObject({ type, nonRetryable: true });
  });

  it('does not count an outage for what would be tried again fewer times', async () => {
    const [outage, type] = ['cluster.unreachable', 'hop.collector'];
    const after = failingAfter([outage, outage], type);
    await expect(after).rejects.toMatchObject({ type, nonRetryable: false });
    const outages = failingAfter([type, ...Array.from({ length: 4 }, () => outage)], outage);
    await expect(outages).rejects.toMatchObject({ type: outage, nonRetryable: true });
  });

  it('reports what nobody expected as a bug, once', async () => {
    const bug = (): Promise<never> => Promise.reject(new TypeError('x is undefined'));
    await expect(perform(bug)).rejects.toMatchObject({
      type: 'internal.bug',
      nonRetryable: true,
      message: 'x is undefined',
    });
  });
});
