/**
 * A real process for the daemon tests: `daemon-starter.ts <folder>` starts a sleeping daemon, says its pid, and goes on
 * until it is killed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from '../../src/tools/daemon.js';

const [folder = ''] = process.argv.slice(2);
const daemon = await startDaemon({
  folder,
  name: 'sleeper',
  program: process.execPath,
  args: ['-e', 'setInterval(() => {}, 1000)'],
  version: '1',
  env: { PATH: '/usr/bin:/bin' },
  failure: { type: 'temporal.not-starting', what: 'The sleeper', remedy: 'Look at it.' },
});
console.log(daemon.pid);
await sleep(60_000);
