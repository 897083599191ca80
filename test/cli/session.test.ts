import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../../src/cli/ask.js';
import { environmentHandle, sendUpdate } from '../../src/cli/environments.js';
import { onEnvironment } from '../../src/cli/on-environment.js';
import { loadConfig } from '../../src/config.js';
import type { Progress } from '../../src/domain/progress.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { processesOf, useSmallEnvironment } from './small-environment.js';
import { cliEnvironment, recordingContext, startCli } from './support.js';

describe.skipIf((await whyUnsupported()) !== undefined)('a session of commands', { timeout: 240_000 }, () => {
  const small = useSmallEnvironment();
  const { folder, command } = small;

  const background = (...args: string[]): ReturnType<typeof startCli> => startCli(folder, args, small.env);

  it('Ctrl-C during up only detaches', async () => {
    const { child: up, errors } = background('up', '--stack', 'small.yaml');
    await once(up.stdout as NodeJS.ReadableStream, 'data');
    up.kill('SIGINT');
    expect(await once(up, 'exit')).toEqual([130, null]);
    expect(errors()).toContain('Detached from small: the install goes on in the background.');
    expect(errors()).toContain('tracewright status --watch --name small   comes back to it');
    expect(errors()).toContain('The embedded cluster is built first');
  });

  it('status names every step, and tells of no other environment', async () => {
    const { exitCode, stdout } = await command('status', '--json');
    expect(exitCode).toBe(0);
    const progress = JSON.parse(stdout) as Progress;
    expect(progress.steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'cluster running',
      'a pending',
      'verification pending',
    ]);
    const answers = await Promise.all(
      ['status', 'verify', 'abort', 'down', 'retry cluster'].map((line) =>
        command(...line.split(' '), '--name', 'nope'),
      ),
    );
    for (const { exitCode, errors } of answers) {
      expect(exitCode).toBe(1);
      expect(errors[0]).toBe('error [environment.not-found] There is no environment "nope".');
    }
  });

  it('refuses decisions that do not fit', async () => {
    expect(await command('retry', 'cluster')).toMatchObject({
      exitCode: 1,
      errors: [
        'error [update.refused] small: Update rejected: the step "cluster" is not blocked: no step waits for a decision.',
        '  → See `tracewright status --name small`.',
      ],
    });
    expect((await command('skip')).errors[0]).toBe('error [usage.invalid] No step is blocked.');
    expect((await command('verify')).errors[0]).toContain('error [update.refused] small: ');
  });

  it('a watch goes on when server and worker are killed, and ends when nobody reads it', async () => {
    const { child: watch, errors, output } = background('status', '--watch', '--json');
    await once(watch.stdout as NodeJS.ReadableStream, 'data');
    const server = await pidOf(folder, 'temporal/server');
    process.kill(server, 'SIGKILL');
    process.kill(await pidOf(folder, 'worker/worker'), 'SIGKILL');
    const before = output();
    await expect.poll(errors, { timeout: 90_000 }).toContain('Worker started');
    // A new attempt of the step begins, and shows.
    await expect.poll(output, { timeout: 90_000 }).not.toBe(before);
    expect(await pidOf(folder, 'temporal/server')).not.toBe(server);
    expect(watch.exitCode).toBeNull();
    const ended = once(watch, 'exit');
    watch.stdout?.destroy();
    // Makes the watch print, and so find out. An abort would end it as well, for another reason.
    await command('pause');
    expect(await ended).toEqual([0, null]);
    expect(errors()).not.toMatch(/^\s+at\s/mu);
  });

  it('a question waits for a worker that comes back late to a new server', async () => {
    const worker = await pidOf(folder, 'worker/worker');
    process.kill(worker, 'SIGSTOP');
    process.kill(await pidOf(folder, 'temporal/server'), 'SIGKILL');
    // Longer than the server lets a query wait.
    const late = setTimeout(() => process.kill(worker, 'SIGCONT'), 12_000);
    onTestFinished(() => {
      clearTimeout(late);
      process.kill(worker, 'SIGCONT');
    });
    const { exitCode, errors } = await command('status');
    expect(exitCode, errors.join('\n')).toBe(0);
    expect(await pidOf(folder, 'worker/worker')).toBe(worker);
  });

  it('a change is asked again when server or worker die meanwhile, and is done once', async () => {
    const recording = recordingContext();
    const context = { ...recording.context, config: loadConfig(cliEnvironment(folder, small.env)) };
    await onEnvironment(context, 'small', async (session) => {
      const whenDying = async (
        record: string,
        send: (client: Client, id: string, die: () => void) => Promise<void>,
      ): Promise<void> => {
        let pid: number | undefined = await pidOf(folder, record);
        await ask(context, session, (client, id) =>
          send(client, id, () => {
            if (pid !== undefined) process.kill(pid, 'SIGKILL');
            pid = undefined;
          }),
        );
      };
      // The environment was paused by the test before.
      await whenDying('temporal/server', async (client, updateId, die) => {
        die();
        await sendUpdate(client, 'small', 'resume', { updateId });
      });
      await whenDying('worker/worker', async (client, updateId, die) => {
        die();
        await sendUpdate(client, 'small', 'pause', { updateId });
      });
      // Its answer is lost: with another id the second one would be refused.
      await whenDying('temporal/server', async (client, updateId, die) => {
        await sendUpdate(client, 'small', 'resume', { updateId });
        die();
        await environmentHandle(client, 'small').describe();
      });
      const refused = ask(context, session, (client) => sendUpdate(client, 'small', 'resume'));
      await expect(refused).rejects.toMatchObject({ type: 'update.refused' });
    });
    // Once for each, and again where who has just come needs more time.
    const revivals = recording.lines.filter((line) => line.includes('is not responding; restarting'));
    expect(revivals.length, recording.lines.join('\n')).toBeGreaterThanOrEqual(3);
  });

  it('down leaves no process, also when its reader goes away', async () => {
    const { child: down } = background('down');
    down.stdout?.destroy();
    expect(await once(down, 'exit')).toEqual([0, null]);
    expect(await processesOf(folder)).toEqual({});
    expect((await command('down', '--name', 'small')).stdout).toBe(
      'There is no environment "small": nothing to take away.',
    );
  });
});

async function pidOf(folder: string, record: string): Promise<number> {
  const text = await readFile(join(folder, 'state', `${record}.json`), 'utf8');
  return (JSON.parse(text) as { pid: number }).pid;
}
