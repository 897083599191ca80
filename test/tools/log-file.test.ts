import { appendFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { logEvidence, logLines } from '../../src/tools/log-file.js';
import { testFolder } from '../support/folder.js';

const never = new AbortController().signal;

const logOf = async (text: string): Promise<string> => {
  const path = join(await testFolder(), 'it.log');
  await writeFile(path, text);
  return path;
};

async function collect(path: string, lines: number): Promise<string[]> {
  const found: string[] = [];
  for await (const line of logLines(path, { lines, follow: false, signal: never })) found.push(line);
  return found;
}

describe('the end of a log', () => {
  test('as evidence: no secrets, no stack frames, no empty lines, nothing from before', async () => {
    const path = await logOf('old\nfailed: password=hunter2\n    at main (a.js:1)\n\nlast\n');
    expect(await logEvidence(path, 4)).toEqual(['failed: password=[redacted]', 'last']);
    expect(await logEvidence(`${path}.none`)).toEqual([]);
    expect(await logEvidence(join(path, '..'))).toEqual([]);
  });

  test('for people: the last lines as they are, one without an end too', async () => {
    const path = await logOf('one\n\n    at main (a.js:1)\nthree');
    expect(await collect(path, 2)).toEqual(['', '    at main (a.js:1)', 'three']);
    expect(await collect(path, Number.POSITIVE_INFINITY)).toHaveLength(4);
    expect(await collect(`${path}.none`, 5)).toEqual([]);
  });

  test('followed: what is written later, a line at a time, also into a new file of that name', async () => {
    const path = await logOf('one\ntwo\n');
    const stop = new AbortController();
    const found: string[] = [];
    const following = (async () => {
      for await (const line of logLines(path, { lines: 1, follow: true, signal: stop.signal }))
        found.push(line);
    })();
    await expect.poll(() => found).toEqual(['two']);
    await appendFile(path, 'thr');
    await appendFile(path, 'ee\n');
    await expect.poll(() => found, { timeout: 60_000 }).toEqual(['two', 'three']);
    await rename(path, `${path}.1`);
    await writeFile(path, 'new\n');
    await expect.poll(() => found, { timeout: 60_000 }).toEqual(['two', 'three', 'new']);
    stop.abort();
    await following;
  });
});
