import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config.js';
import { execa } from 'execa';
import { PseudoTerminal } from '../../test/support/pseudo-terminal.js';
import { pickFrames } from './pick-frames.js';
import { Recorder, type Moment, type Screen } from './recorder.js';
import { svgOf } from './svg.js';

/**
 * `npm run docs:capture`: a real `tracewright up` of the embedded stack in a terminal of 100 columns, from nothing to
 * the proof, as an SVG that moves. Then everything is taken away again. Needs what the embedded target needs, and free
 * ports.
 */
const [columns, rows] = [100, 40];
const program = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));
const file = fileURLToPath(new URL('../images/up.svg', import.meta.url));

const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-'));
const env = {
  ...process.env,
  CI: '',
  TERM: 'xterm-256color',
  TRACEWRIGHT_STATE_DIR: stateDir,
  TRACEWRIGHT_CACHE_DIR: loadConfig().cacheDir,
};
try {
  const frames = pickFrames(await record(['up', '--stack', 'embedded']), {
    frames: 26,
    speed: 3,
    rest: 8_000,
  });
  const svg = svgOf(
    frames.map((frame) => ({ ...frame, screen: usual(frame.screen) })),
    { columns, title: 'tracewright up' },
  );
  await mkdir(fileURLToPath(new URL('../images', import.meta.url)), { recursive: true });
  await writeFile(file, svg);
  console.log(`${file}: ${String(frames.length)} frames, ${(svg.length / 1024).toFixed(0)} KiB`);
} finally {
  await execa(process.execPath, [program, 'down'], { env, stdio: 'inherit', reject: false });
  await rm(stateDir, { recursive: true, force: true });
}

/** @throws Error when it did not end well: there is nothing to show then */
async function record(args: readonly string[]): Promise<readonly Moment[]> {
  const recorder = new Recorder(columns, rows);
  let begun = false;
  const terminal = new PseudoTerminal(
    [process.execPath, program, ...args],
    { env, columns, rows, timeout: 30 * 60_000 },
    (text) => {
      // The first line names the device.
      recorder.write(begun ? text : '\u001b[2J\u001b[H$ npx tracewright up\r\n');
      begun = true;
    },
  );
  const code = await terminal.ended;
  if (code !== 0)
    throw new Error(`tracewright ${args.join(' ')} ended with ${String(code)}:\n${terminal.output}`);
  return recorder.end();
}

/** Nothing of this machine: the state folder is where it usually is. */
function usual(screen: Screen): Screen {
  return screen.map((runs) =>
    runs.map((run) => ({ ...run, text: run.text.replaceAll(stateDir, '~/.local/state/tracewright') })),
  );
}
