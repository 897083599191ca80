import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliEvent, eventJsonSchema } from '../../src/cli/views/event-schema.js';
import { loadConfig } from '../../src/config.js';
import type { LiveDetail } from '../../src/domain/progress.js';
import { stopWorker, workerPlaceOf } from '../../src/temporal/worker-process.js';
import { fail, ScriptedActivities, type Behaviour } from '../support/fake-activities.js';
import { hasPseudoTerminal, PseudoTerminal } from '../support/pseudo-terminal.js';
import { startRealHarness, tearDown, withEnvironment, type Harness } from '../workflows/harness.js';
import { cli, cliEnvironment } from './support.js';

const program = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));
const canTest = await hasPseudoTerminal();
if (!canTest)
  console.warn('The live view is NOT tested in a real terminal: `script` of util-linux is not installed.');

const folder = mkdtempSync(join(tmpdir(), 'tracewright-test-'));
let harness: Harness;
let variables: Record<string, string>;

beforeAll(async () => {
  harness = await startRealHarness();
  variables = { TEMPORAL_ADDRESS: harness.env.address, TERM: 'xterm-256color', SHELL: '/bin/sh' };
});

afterAll(async () => {
  const environment = cliEnvironment(folder, variables);
  await stopWorker(workerPlaceOf(loadConfig(environment)));
  await harness.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Tells this of itself until it is cancelled. */
const busy =
  (live: LiveDetail): Behaviour =>
  async () => {
    const context = Context.current();
    const timer = setInterval(() => {
      context.heartbeat({ live, processes: [] });
    }, 100);
    await context.cancelled.finally(() => {
      clearInterval(timer);
    });
  };

/** Runs the command line in a pseudo terminal of 100 columns and 24 rows. */
class InTerminal extends PseudoTerminal {
  constructor(...args: string[]) {
    super([process.execPath, program, ...args], {
      env: cliEnvironment(folder, variables),
      columns: 100,
      rows: 24,
      timeout: 100_000,
    });
  }

  /** How often it was drawn. */
  frames(): number {
    return this.output.split('\u001b[?2026h').length - 1;
  }

  until(wanted: (output: string) => boolean): Promise<void> {
    return expect.poll(() => wanted(this.output), { timeout: 60_000 }).toBe(true);
  }
}

const ctrlC = '\u0003';

describe.skipIf(!canTest)('in a real terminal', () => {
  it('the view moves, follows the width of the terminal, and Ctrl-C leaves it', async () => {
    const scripted = new ScriptedActivities().on('cluster', busy({ text: 'building kube: a', percent: 41 }));
    await withEnvironment(harness, scripted, async (environment) => {
      const name = environment.handle.workflowId.replace('environment-', '');
      const terminal = new InTerminal('status', '--watch', '--name', name);
      await terminal.until((output) => output.includes('████████░░░░░░░░░░░░  41 %'));
      expect(terminal.output).toContain('Ctrl-C leaves this view; the install goes on.');
      const before = terminal.frames();
      await terminal.until(() => terminal.frames() >= before + 3);

      await terminal.resize(50);
      await terminal.until((output) => output.includes('Ctrl-C leaves; the install goes on.'));

      terminal.press(ctrlC);
      expect(await terminal.ended).toBe(130);
      expect(terminal.output).toContain(`Detached from ${name}: the install goes on in the background.`);
      expect(terminal.output).toContain(`tracewright status --watch --name ${name}   comes back to it`);
      expect((await environment.progress()).phase).toBe('Provisioning');
      await tearDown(environment);
    });
  });

  it('without colours where nobody wants them', async () => {
    variables = { ...variables, NO_COLOR: '1' };
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Ready', ({ phase }) => phase === 'Ready');
      const name = environment.handle.workflowId.replace('environment-', '');
      const terminal = new InTerminal('status', '--watch', '--name', name);
      expect(await terminal.ended).toBe(0);
      expect(terminal.output).toContain('✓ tempo');
      expect(terminal.output).toContain(`${name} is Ready.`);
      expect(terminal.output).not.toMatch(/\[\d+m/u);
      await tearDown(environment);
    });
  });
});

it('in a pipe, --json tells every event as its schema says, and how it ended', async () => {
  const validate = new Ajv().compile(eventJsonSchema());
  const scripted = new ScriptedActivities().on('tempo', () => fail('ready.crash-loop'));
  await withEnvironment(harness, scripted, async (environment) => {
    const name = environment.handle.workflowId.replace('environment-', '');
    const { exitCode, stdout } = await cli(folder, ['status', '--watch', '--json', '--name', name], {
      env: variables,
    });
    expect(exitCode).toBe(3);
    const events = stdout.split('\n').map((line) => JSON.parse(line) as CliEvent);
    for (const event of events) expect(validate(event), JSON.stringify(validate.errors)).toBe(true);
    expect(events[0]).toMatchObject({ event: 'environment', environment: name });
    const blocked = events.find((event) => event.event === 'step' && event.state === 'blocked');
    expect(blocked).toMatchObject({
      step: 'tempo',
      failure: { type: 'ready.crash-loop', remedy: 'Mend it.' },
    });
    expect(events.at(-1)).toMatchObject({ event: 'end', phase: 'Blocked', exitCode: 3 });
    await tearDown(environment);
  });
});
