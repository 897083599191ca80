import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bundle } from '../../src/cli/diag/bundle.js';
import { logFile, readEnd } from '../../src/cli/diag/logs.js';
import { testFolder } from '../support/folder.js';
import { unpack } from '../support/unpack.js';
import { cli } from './support.js';

const planted = 'Planted-Secret-at-the-cut';
const note = /^\[The start of this log was left out: .*\]\n/u;

/** What a log of that text becomes in the archive, and how the archive's index calls it. */
async function inArchive(parts: Iterable<string>): Promise<{ text: string; index: string }> {
  const end = await readEnd(Readable.from(bytesOf(parts)));
  const findings = { files: [logFile('it.log', 'it', end)], missing: [], secrets: [planted] };
  const facts = { version: '0', environment: undefined, madeAt: new Date(0) };
  const { archive } = await bundle('it', findings, facts);
  const file = join(await testFolder(), 'it.tar.gz');
  await writeFile(file, archive);
  const { texts } = await unpack(file);
  return { text: texts.get('it.log') ?? '', index: texts.get('README.md') ?? '' };
}

function* bytesOf(parts: Iterable<string>): Generator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}

function* numbered(count: number, more = ''): Generator<string> {
  for (let line = 1; line <= count; line += 1) yield `line ${String(line)}${more}\n`;
}

describe('the log of a container', () => {
  it('is whole when it is short, and says nothing of itself', async () => {
    const { text, index } = await inArchive(numbered(500));
    expect(text).toBe([...numbered(500)].join(''));
    expect(index).toContain('| the log of it |');
  });

  it('of many lines has the last 500, and says that the start is missing', async () => {
    const { text, index } = await inArchive(numbered(5_000));
    expect(text).toMatch(note);
    expect(text.split('\n').slice(1, 3)).toEqual(['line 4501', 'line 4502']);
    expect(text.endsWith('\nline 5000\n')).toBe(true);
    expect(index).toContain('| the log of it: its end |');
  });

  it('of huge lines has their end, however many bytes they are', async () => {
    const { text } = await inArchive(numbered(400, ` ${'ä'.repeat(50_000)}`));
    expect(text).toMatch(note);
    expect(text.split('\n')[1]).toMatch(/^line \d+ ä+$/u);
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^line 400 ä+$/u);
    expect(Buffer.byteLength(text)).toBeLessThan(300_000);
    const one = await inArchive(Array.from({ length: 400 }, () => 'x'.repeat(50_000)));
    expect(one.text).toMatch(note);
    expect(one.text.length).toBeGreaterThan(200_000);
    expect(one.text.length).toBeLessThan(300_000);
  });

  it('holds no half of a secret where it was cut', async () => {
    // Wherever the cut is, it runs through a secret: of one line, and of many, whose key has several.
    const line = await inArchive(Array.from({ length: 40_000 }, () => planted));
    expect(line.text).toMatch(note);
    expect(line.text).toContain('[redacted]');
    expect(line.text).not.toMatch(/at-the-cut/u);
    const key = [
      '-----BEGIN PRIVATE KEY-----',
      ...Array<string>(50).fill('MIIplanted'),
      '-----END PRIVATE KEY-----',
    ];
    const keys = await inArchive(Array.from({ length: 100 }, () => `${key.join('\n')}\n`));
    expect(keys.text).toMatch(note);
    expect(keys.text).not.toContain('MIIplanted');
  });
});

describe('a log that is kept on this machine', () => {
  it('is limited in bytes as well, and loses no secret at the cut', { timeout: 180_000 }, async () => {
    const folder = await testFolder();
    await mkdir(join(folder, 'state/worker'), { recursive: true });
    const lines = [planted.repeat(40_000), `the end: ${planted}\n`];
    await writeFile(join(folder, 'state/worker/worker.log'), lines.join('\n'));
    const env = { MY_TOKEN: planted };
    const { exitCode, errors } = await cli(folder, ['diag', '--output', 'it.tar.gz'], { env });
    expect(exitCode, errors.join('\n')).toBe(0);
    const { texts } = await unpack(join(folder, 'it.tar.gz'));
    const log = texts.get('logs/worker.log') ?? '';
    expect(log).toMatch(note);
    expect(log.endsWith('the end: [redacted]\n')).toBe(true);
    expect([...texts].flat().join('\n')).not.toMatch(/at-the-cut/u);
    expect((await stat(join(folder, 'it.tar.gz'))).size).toBeLessThan(300_000);
  });
});
