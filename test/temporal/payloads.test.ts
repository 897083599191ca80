import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPayloadCodec } from '../../src/temporal/payloads/codec.js';
import { createKeyring, parsePayloadKeys } from '../../src/temporal/payloads/keys.js';

const line = (id: string): string => `${id} ${randomBytes(32).toString('base64')}`;
const payload = defaultPayloadConverter.toPayload({ stack: 'secret' });
const codecOf = (file: string) => createPayloadCodec(createKeyring({ file }));

describe('the keys for payloads', () => {
  it.each([
    ['', /has no key/u],
    ['# nothing\n\n', /has no key/u],
    ['only-an-id', /^Line 1 /u],
    [`\n${line('a')} more`, /^Line 2 /u],
    [`a/b ${randomBytes(32).toString('base64')}`, /^Line 1 /u],
    [`short ${randomBytes(16).toString('base64')}`, /^Line 1 .*16 bytes/u],
    [`${line('a')}\n${line('a')}`, /^Line 2 /u],
  ])('are refused with the line, never with the key: %j', (text, message) => {
    const error = problemOf(() => parsePayloadKeys(text, 'keys'));
    expect(error).toMatchObject({ type: 'payload.keys', message: expect.stringMatching(message) as string });
    for (const key of text.match(/\S{20,}/gu) ?? []) expect(error.message).not.toContain(key);
  });

  it('are those of the lines, and the first one encrypts', () => {
    const { first, byId } = parsePayloadKeys(`# new\n${line('b')}\n  ${line('a')}  \n`, 'keys');
    expect([first, ...byId.keys()]).toEqual(['b', 'b', 'a']);
  });
});

describe('encrypted payloads', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tracewright-test-'));
    file = join(folder, 'keys');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('hide what they hold and its encoding, each time otherwise, and give it back', async () => {
    await writeFile(file, line('a'));
    const codec = codecOf(file);
    const [first, second] = await codec.encode([payload, payload]);
    expect(Buffer.from(first?.data ?? []).toString('latin1')).not.toMatch(/secret|json/u);
    expect(first?.data).not.toEqual(second?.data);
    expect(metadataOf(first)).toEqual({ encoding: 'binary/encrypted', 'encryption-key-id': 'a' });
    const decoded = await codec.decode([first, second] as Payload[]);
    expect(decoded.map((it) => defaultPayloadConverter.fromPayload(it))).toEqual([
      { stack: 'secret' },
      { stack: 'secret' },
    ]);
  });

  it('are read after their key was rotated, without a new start of who reads them', async () => {
    const [a, b] = [line('a'), line('b')];
    await writeFile(file, a);
    const reader = codecOf(file);
    const [old] = await reader.encode([payload]);
    await writeFile(file, `${b}\n${a}`);
    const [fresh] = await codecOf(file).encode([payload]);
    expect(metadataOf(fresh)).toMatchObject({ 'encryption-key-id': 'b' });
    await expect
      .poll(() => reader.decode([old, fresh] as Payload[]).then((it) => it.length, String), {
        timeout: 5_000,
      })
      .toBe(2);
  });

  it('are refused without keys, without their key, with another of that id, and when they were changed', async () => {
    await writeFile(file, line('a'));
    const [encrypted] = (await codecOf(file).encode([payload])) as [Payload];
    const broken = { ...encrypted, data: Buffer.from(encrypted.data ?? []).map((byte) => byte ^ 1) };
    const short = { ...encrypted, data: Buffer.from([1, 2, 3]) };
    const other = join(folder, 'other');
    await writeFile(other, line('b'));
    const same = join(folder, 'same');
    await writeFile(same, line('a'));
    for (const [codec, it] of [
      [createPayloadCodec(), encrypted],
      [codecOf(other), encrypted],
      [codecOf(same), encrypted],
      [codecOf(file), broken],
      [codecOf(file), short],
    ] as const)
      await expect(codec.decode([it])).rejects.toMatchObject({ type: 'payload.undecodable' });
  });

  it('are none of those that were kept before there were keys', async () => {
    await writeFile(file, line('a'));
    expect(await codecOf(file).decode([payload])).toEqual([payload]);
    const codec = createPayloadCodec();
    expect(await codec.decode(await codec.encode([payload]))).toEqual([payload]);
  });

  it('have keys that a program prints', async () => {
    const program = join(folder, 'program');
    await writeFile(program, `#!/bin/sh\necho '${line('p')}'\n`);
    await chmod(program, 0o700);
    const codec = createPayloadCodec(createKeyring({ program }));
    expect(await codec.decode(await codec.encode([payload]))).toHaveLength(1);
    await writeFile(program, '#!/bin/sh\necho no vault >&2\nexit 3\n');
    // Once they were read, a vault that is away does no harm; before, nothing goes out in plain text.
    expect(await codec.encode([payload])).not.toEqual([payload]);
    await expect(createPayloadCodec(createKeyring({ program })).encode([payload])).rejects.toMatchObject({
      type: 'payload.keys',
    });
    await expect(codecOf(join(folder, 'none')).encode([payload])).rejects.toMatchObject({
      type: 'payload.keys',
    });
  });
});

function metadataOf(it: Payload | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(it?.metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('utf8')]),
  );
}

function problemOf(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was accepted.');
}
