import { createSecretKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { PayloadKeySource } from '../../config.js';
import { toFailure, TracewrightError } from '../../domain/failure.js';

/** Of AES-256. In bytes. */
const keyBytes = 32;
/** A program that asks a vault. In milliseconds. */
const programMs = 30_000;
/** Keys that are older are read again when they are needed, so that a new first key comes into use. In milliseconds. */
const freshMs = 60_000;
/** How often at most an id that is not known has the keys read again. In milliseconds. */
const reloadMs = 1_000;

const idPattern = /^[\w.-]{1,64}$/u;

/** The keys of a source: the first one encrypts, all decrypt. */
export interface PayloadKeys {
  readonly first: string;
  readonly byId: ReadonlyMap<string, KeyObject>;
}

/** Keys that are read when they are needed, and again when they may have been rotated. */
export interface Keyring {
  /** @throws TracewrightError `payload.keys` when they were never read and cannot be */
  current(): Promise<PayloadKeys>;
  /** The key of that id; where it is not known, the source is asked once more. */
  find(id: string): Promise<KeyObject | undefined>;
}

/**
 * Reads the lines of a source: an id of at most 64 letters, digits, `.`, `_`, `-`, then blanks and 32 bytes in base64.
 * Empty lines and those that begin with `#` count for nothing.
 * @param origin for messages: the path
 * @throws TracewrightError `payload.keys` that names the line, and never the key
 */
export function parsePayloadKeys(text: string, origin: string): PayloadKeys {
  const byId = new Map<string, KeyObject>();
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/u);
    const [id = '', encoded = ''] = words;
    if (id === '' || id.startsWith('#')) continue;
    const bytes = Buffer.from(encoded, 'base64');
    const problem =
      words.length !== 2 || !idPattern.test(id)
        ? 'is not an id and a key'
        : bytes.length !== keyBytes
          ? `has a key of ${String(bytes.length)} bytes in base64, not of ${String(keyBytes)}`
          : byId.has(id)
            ? 'has an id that an earlier line has'
            : undefined;
    if (problem !== undefined) throw badKeys(`Line ${String(index + 1)} of ${origin} ${problem}.`);
    byId.set(id, createSecretKey(bytes));
  }
  const [first] = byId.keys();
  if (first === undefined) throw badKeys(`${origin} has no key.`);
  return { first, byId };
}

/**
 * The keys of a file, or those that a program prints (called without arguments, within 30 s). They are read at first use,
 * again after a minute, and when an id shows up that is not among them. A source that cannot be read any more leaves the
 * keys that were read before.
 */
export function createKeyring(source: PayloadKeySource): Keyring {
  let keys: PayloadKeys | undefined;
  let readAt = -Infinity;
  let reading: Promise<PayloadKeys> | undefined;
  const read = (): Promise<PayloadKeys> =>
    (reading ??= readKeys(source)
      .then((found) => (keys = found))
      .catch((error: unknown) => {
        if (!keys) throw error;
        return keys;
      })
      .finally(() => {
        readAt = performance.now();
        reading = undefined;
      }));
  const youngerThan = (ms: number): boolean => performance.now() - readAt < ms;
  const current = async (): Promise<PayloadKeys> => (keys && youngerThan(freshMs) ? keys : read());
  return {
    current,
    find: async (id) => {
      const known = (await current()).byId.get(id);
      return known ?? (youngerThan(reloadMs) ? undefined : (await read()).byId.get(id));
    },
  };
}

async function readKeys(source: PayloadKeySource): Promise<PayloadKeys> {
  if ('file' in source) {
    const text = await readFile(source.file, 'utf8').catch((error: unknown) => {
      throw badKeys(`The keys for payloads cannot be read: ${toFailure(error).message}`, error);
    });
    return parsePayloadKeys(text, source.file);
  }
  // Loaded only now: most sources are files.
  const { run } = await import('../../tools/process.js');
  const { stdout } = await run(source.program, [], { timeoutMs: programMs }).catch((error: unknown) => {
    throw badKeys(`The program that prints the keys for payloads failed: ${toFailure(error).message}`, error);
  });
  return parsePayloadKeys(stdout, `what ${source.program} prints`);
}

function badKeys(message: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'payload.keys',
    message,
    remedy:
      'TRACEWRIGHT_PAYLOAD_KEYS names a file, TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM a program that prints its lines: an id and 32 random bytes in base64 each (`openssl rand -base64 32`), first the one that encrypts.',
    cause,
  });
}
