import { describe, expect, it, onTestFinished } from 'vitest';
import { sharedSignal } from '../../src/tools/shared-signal.js';

describe('sharedSignal', () => {
  it('fires with the first of its signals', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const shared = sharedSignal(first.signal, second.signal);
    second.abort('over');
    expect(shared).toMatchObject({ aborted: true, reason: 'over' });
  });

  it.each([
    ['warns of nothing, however many listen', sharedSignal(new AbortController().signal), 0],
    ['unlike any other signal', new AbortController().signal, 1],
  ])('%s', async (_name, signal, count) => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    for (let index = 0; index < 20; index += 1) signal.addEventListener('abort', () => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toHaveLength(count);
  });
});
