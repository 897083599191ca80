import { describe, expect, it } from 'vitest';
import { AttemptLog } from '../../src/activities/attempt-log.js';
import { mostAttempts, mostCalls } from '../../src/domain/step-attempt.js';
import { run } from '../../src/tools/process.js';

const call = { tool: 'helm', name: 'upgrade tempo', startedAt: 1, endedAt: 2 };

describe('AttemptLog', () => {
  it('keeps so many attempts and calls that a history bears them', () => {
    const earlier = Array.from({ length: 60 }, (_, index) => ({
      attempt: index + 1,
      startedAt: 1,
      endedAt: 2,
      calls: [],
    }));
    const log = new AttemptLog(61, earlier);
    for (let count = 0; count < 2 * mostCalls; count += 1) log.note(call);
    const attempts = log.list();
    expect(attempts.map(({ attempt }) => attempt)).toEqual(
      Array.from({ length: mostAttempts }, (_, index) => 62 - mostAttempts + index),
    );
    expect(attempts.at(-1)?.calls).toHaveLength(mostCalls);
  });

  it('has no secret', () => {
    const log = new AttemptLog(1, []);
    log.note({ ...call, name: 'login --password hunter22', error: 'token=abcdefgh' });
    expect(JSON.stringify(log.list())).not.toMatch(/hunter22|abcdefgh/u);
  });

  it('notes how work ended', async () => {
    const log = new AttemptLog(1, []);
    const broken = log.timed('kubernetes', 'wait', () =>
      Promise.reject(Object.assign(new Error(''), { type: 'ready.timeout' })),
    );
    await expect(broken).rejects.toThrow();
    expect(log.list().at(-1)?.calls).toMatchObject([{ name: 'wait', error: 'ready.timeout' }]);
  });

  it('takes what people read, but for its details, for phases that last until the next one', () => {
    const log = new AttemptLog(1, []);
    for (const text of ['Importing image 1 of 2: a', 'Importing image 2 of 2: b', 'starting'])
      log.enter('embedded', text);
    expect(
      log
        .list()
        .at(-1)
        ?.calls.map(({ name }) => name),
    ).toEqual(['Importing image', 'starting']);
  });

  it.each([
    [['-c', 'exit 3', 'token'], { name: '', error: 'exit code 3' }],
    [['--version', 'x'], { name: '' }],
  ])('learns of programs what they do, without their options: %j', async (args, expected) => {
    const log = new AttemptLog(1, []);
    const owner = { env: {}, started: () => undefined, ended: () => undefined, called: log.note };
    await run('bash', args, { owner }).catch(() => undefined);
    expect(log.list().at(-1)?.calls).toMatchObject([{ tool: 'bash', ...expected }]);
  });
});
