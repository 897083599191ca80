/**
 * A real process for the lock tests: `lock-contender.ts <lock> <counter> <rounds>` adds 1 to the number in the file
 * `counter`, `rounds` times, each time under the lock and with a pause between reading and writing.
 * `lock-contender.ts <lock> hold` takes the lock, says so, and keeps it until it is killed.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from '../../src/tools/lock.js';

const [lock = '', counter = '', rounds = '0'] = process.argv.slice(2);
if (counter === 'hold') {
  await withLock(lock, {}, async () => {
    console.log('held');
    await sleep(60_000);
  });
}
for (let round = 0; round < Number(rounds); round += 1) {
  await withLock(lock, {}, async () => {
    const value = Number(await readFile(counter, 'utf8'));
    await sleep(Math.random() * 3);
    await writeFile(counter, String(value + 1));
  });
}
