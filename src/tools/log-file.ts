import { open, rename, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { redact } from './redact.js';

/** In bytes: a log that is larger when its process starts is set aside as `<log>.1`, over the one before. */
const maxLogBytes = 10 * 1024 * 1024;

/** So many last lines of a log become evidence, */
const evidenceLines = 12;
/** of so many bytes at its end. */
const tailBytes = 64 * 1024;

/** In milliseconds: how often a log that is followed is looked at. */
const followIntervalMs = 500;

/** Keeps a log within bounds. @returns its length in bytes: where the next lines will begin */
export async function rotateLog(path: string): Promise<number> {
  const size = await sizeOf(path);
  if (size <= maxLogBytes) return size;
  await rename(path, `${path}.1`);
  return 0;
}

/** A frame of a stack trace: for who debugs, in the log; the lines around it say what happened. */
const stackFrame = /^\s+at\s/u;

/**
 * The last lines, without secrets and stack frames, from the byte `from` (default 0) on. Never fails: they are
 * evidence, and their absence must not hide what they were wanted for.
 */
export async function logEvidence(path: string, from = 0): Promise<string[]> {
  const size = await sizeOf(path);
  const text = await readLog(path, Math.max(from, size - tailBytes), size).catch(() => '');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !stackFrame.test(line))
    .slice(-evidenceLines);
}

/**
 * The last lines of a log without secrets, and then, with `follow`, those that are written until `signal` fires.
 * @param lines Infinity for all that one log keeps
 */
export async function* logLines(
  path: string,
  { lines, follow, signal }: { lines: number; follow: boolean; signal: AbortSignal },
): AsyncGenerator<string, void> {
  let read = await sizeOf(path);
  const last = (await readLog(path, Math.max(0, read - maxLogBytes), read)).split('\n');
  let rest = last.pop() ?? '';
  yield* Number.isFinite(lines) ? last.slice(-lines) : last;
  while (follow && !signal.aborted) {
    const size = await sizeOf(path);
    // It was set aside, and a new one begun.
    if (size < read) read = 0;
    const written = (rest + (await readLog(path, read, size))).split('\n');
    read = size;
    rest = written.pop() ?? '';
    yield* written;
    await sleep(followIntervalMs, undefined, { signal }).catch(() => undefined);
  }
  if (rest !== '') yield rest;
}

/**
 * The last `bytes` of a log without secrets, and whether there is more before them. A log that is not there is empty.
 */
export async function logEnd(path: string, bytes: number): Promise<{ text: string; more: boolean }> {
  const size = await sizeOf(path);
  return { text: await readLog(path, Math.max(0, size - bytes), size), more: size > bytes };
}

/** The bytes from `start` to `end`, as text without secrets. */
async function readLog(path: string, start: number, end: number): Promise<string> {
  if (start >= end) return '';
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    return redact(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
