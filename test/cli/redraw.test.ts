import { describe, expect, it, vi } from 'vitest';
import { createLiveView } from '../../src/cli/follow-to-end.js';
import { createPaint } from '../../src/cli/views/format.js';
import { Redraw } from '../../src/cli/views/redraw.js';
import { RecordingTerminal } from './recording-terminal.js';
import { progressOf } from './support.js';
import { TerminalEmulator } from './terminal-emulator.js';

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

describe('lines that are drawn again', () => {
  it('show the last ones only, whatever was drawn before', () => {
    const recorder = new RecordingTerminal();
    const redraw = new Redraw(recorder.asTerminal);
    recorder.write('before\n');
    const random = numbers(7);
    const upTo = (limit: number): number => Math.floor(random.next().value * limit);
    for (let round = 0; round < 60; round += 1) {
      const lines = Array.from({ length: upTo(12) }, (_, index) =>
        upTo(2) === 0 ? `line ${String(index)}` : 'x'.repeat(1 + upTo(60)),
      );
      redraw.draw(lines);
      expect(recorder.shown()).toEqual(['before', ...lines]);
    }
  });

  it('stay above those that come after them', () => {
    const recorder = new RecordingTerminal();
    const redraw = new Redraw(recorder.asTerminal);
    redraw.draw(['one']);
    redraw.keep();
    redraw.draw(['two']);
    expect(recorder.shown()).toEqual(['one', 'two']);
  });

  it('are written only where they have changed', () => {
    const recorder = new RecordingTerminal();
    const redraw = new Redraw(recorder.asTerminal);
    redraw.draw(['one', 'two']);
    const before = recorder.output.length;
    redraw.draw(['one', 'three']);
    expect(recorder.output.slice(before)).toContain('three');
    expect(recorder.output.slice(before)).not.toContain('one');
  });

  it('find their place again when the terminal has broken them', () => {
    const recorder = new RecordingTerminal();
    const redraw = new Redraw(recorder.asTerminal);
    recorder.write('before\n');
    redraw.draw(['x'.repeat(70), 'y'.repeat(30)]);
    recorder.columns = 40;
    redraw.draw(['short', 'lines']);
    expect(recorder.shown()).toEqual(['before', 'short', 'lines']);
  });
});

describe('in a terminal that breaks its lines anew', () => {
  it.each([[[50]], [[60, 50, 40, 30]], [[99, 98, 97, 96]], [[50, 100, 50]]])(
    'nothing above them is written over when its width becomes %o',
    async (widths) => {
      const emulator = new TerminalEmulator();
      const redraw = new Redraw(emulator.asTerminal);
      const frame = (): string[] => ['a', 'b', 'c'].map((letter) => letter.repeat(emulator.columns - 1));
      const above = ['npm start', `said before: ${'x'.repeat(60)}`];
      emulator.write(`${above.join('\n')}\n`);
      redraw.draw(frame());
      for (const width of widths) {
        await emulator.resize(width);
        redraw.draw(frame());
      }
      expect((await emulator.shown()).split('\n')).toEqual([...above, ...frame()]);
    },
  );
});

describe('the live view', () => {
  const open = (): {
    recorder: RecordingTerminal;
    view: ReturnType<typeof createLiveView>;
    notes: string[];
  } => {
    const recorder = new RecordingTerminal();
    const notes: string[] = [];
    const note = (line: string): void => {
      notes.push(line);
      recorder.write(`${line}\n`);
    };
    return {
      recorder,
      notes,
      view: createLiveView({ terminal: recorder.asTerminal, paint: createPaint(false), note }),
    };
  };

  it('leaves one whole frame, below what was said meanwhile', () => {
    const { recorder, view } = open();
    view.show({ progress: progressOf(), live: new Map() });
    view.note?.('The server has come back.');
    view.show({ progress: progressOf({ phase: 'TearingDown' }), live: new Map() });
    view.end();
    expect(recorder.shown().map((line) => line.replace(/\s{2,}.*/u, ''))).toEqual([
      'The server has come back.',
      'demo',
      '',
      '',
    ]);
    expect(recorder.shown()[1]).toContain('TearingDown');
  });

  it('draws again by itself, at most as high as the terminal, and follows its width', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    try {
      const { recorder, view } = open();
      recorder.rows = 3;
      view.show({ progress: progressOf(), live: new Map() });
      const first = recorder.output;
      vi.advanceTimersByTime(1_000);
      expect(recorder.output.length).toBeGreaterThan(first.length);
      expect(recorder.shown()).toHaveLength(2);
      recorder.resize(30);
      expect(Math.max(...recorder.shown().map((line) => line.length))).toBeLessThan(30);
      view.end();
      const last = recorder.output;
      vi.advanceTimersByTime(1_000);
      recorder.resize(80);
      expect(recorder.output).toBe(last);
    } finally {
      vi.useRealTimers();
    }
  });
});
