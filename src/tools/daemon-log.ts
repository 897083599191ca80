import { open, rename, stat } from 'node:fs/promises';
import { redact } from './redact.js';

/** In bytes: a log that is larger when its process starts is set aside as `<log>.1`, over the one before. */
const maxLogBytes = 10 * 1024 * 1024;

/** In bytes: as much of a log's end is read for its last lines. */
const tailBytes = 64 * 1024;

/** Keeps a log within bounds. @returns its length in bytes: where the next lines will begin */
export async function rotateLog(path: string): Promise<number> {
  const size = await sizeOf(path);
  if (size <= maxLogBytes) return size;
  await rename(path, `${path}.1`);
  return 0;
}

/** A frame of a stack trace: for who debugs, in the log; the lines around it say what happened. */
const stackFrame = /^\s+at\s/u;

/** The last lines after the byte `from`, without secrets and stack frames; none when there is no such file. */
export async function logTail(path: string, from: number, lines: number): Promise<string[]> {
  const size = await sizeOf(path);
  const start = Math.max(from, size - tailBytes);
  if (start >= size) return [];
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const text = redact(buffer.toString('utf8', 0, bytesRead));
    return text
      .split('\n')
      .filter((line) => line.trim() !== '' && !stackFrame.test(line))
      .slice(-lines);
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
