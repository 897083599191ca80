import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { createLiveView } from '../src/cli/follow-to-end.js';
import type { LiveStep, Snapshot } from '../src/cli/follow.js';
import { createPaint } from '../src/cli/views/format.js';
import type { Terminal } from '../src/cli/views/redraw.js';
import type { Progress, StepProgress } from '../src/domain/progress.js';

/**
 * What people see, in numbers; nothing asserts on them. `tracewright --help` and, where there is an environment,
 * `status`, each the fastest of five runs; then what the live view costs: replays the progress of a real install
 * (`status --json` after its end) at its own pace, shows it every 0.5 s as the command line does, and prints the share
 * of one core.
 */
const program = fileURLToPath(new URL('../bin/tracewright.js', import.meta.url));
const seconds = Number(process.argv[2] ?? 20);
const recorded = JSON.parse(
  await readFile(new URL('recorded-progress.json', import.meta.url), 'utf8'),
) as Progress;
const began = Math.min(...recorded.steps.flatMap(({ startedAt }) => startedAt ?? []));

class Counter extends EventEmitter {
  columns = 100;
  rows = 40;
  draws = 0;
  bytes = 0;

  write(text: string): boolean {
    this.draws += 1;
    this.bytes += Buffer.byteLength(text);
    return true;
  }
}

console.log(`--help: ${await fastest('--help')}, goal 0.3 s`);
console.log(
  `status: ${await fastest('status').catch(() => 'not measured, there is no environment')}, goal 1 s`,
);

const terminal = new Counter();
const view = createLiveView({
  terminal: terminal as unknown as Terminal,
  paint: createPaint(true),
  note: () => undefined,
});
const start = Date.now();
const before = process.cpuUsage();
while (Date.now() < start + seconds * 1_000) {
  view.show(at(Date.now() - start));
  await sleep(500);
}
const { user, system } = process.cpuUsage(before);
const elapsed = Date.now() - start;
view.end();
const share = (user + system) / 1_000 / elapsed;
console.log(
  `${(share * 100).toFixed(2)} % of one core, goal 5 %; ${(terminal.draws / (elapsed / 1_000)).toFixed(1)} drawings a second, ` +
    `${(terminal.bytes / terminal.draws).toFixed(0)} bytes each, ${(elapsed / 1_000).toFixed(0)} s`,
);

/** Of five runs, as a person waits for it. Throws when one fails. */
async function fastest(...args: string[]): Promise<string> {
  const times: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const began = performance.now();
    await execa(process.execPath, [program, ...args]);
    times.push(performance.now() - began);
  }
  return `${(Math.min(...times) / 1_000).toFixed(2)} s`;
}

/** The environment so many milliseconds after its beginning, as though it had just begun. */
function at(ms: number): Snapshot {
  const steps = recorded.steps.map((step) => stepAt(step, ms));
  const running = steps.filter(({ state }) => state === 'running');
  const live = new Map<string, LiveStep>(
    running.map(({ name }) => [
      name,
      { text: `pods 0/1 for ${String(ms)} ms`, percent: ms % 100, attempt: 1 },
    ]),
  );
  return { progress: { ...recorded, phase: 'Provisioning', steps }, live };
}

function stepAt(
  { name, kind, title, needs, startedAt, endedAt, outcome }: StepProgress,
  ms: number,
): StepProgress {
  const step = { name, kind, title, needs };
  const from = (startedAt ?? began) - began;
  const until = (endedAt ?? began) - began;
  if (ms < from) return { ...step, state: 'pending' };
  if (ms < until) return { ...step, state: 'running', startedAt: start + from };
  const times = { startedAt: start + from, endedAt: start + until };
  return { ...step, ...times, state: 'done', ...(outcome !== undefined && { outcome }) };
}
