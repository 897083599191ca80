import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { redact } from '../../tools/redact.js';
import type { ClusterFolder } from './folder.js';

const evidenceLines = 10;
/** Enough for ten long lines, in bytes. */
const tailBytes = 16_384;

/** The last lines of a program's log, without secrets; empty when it has none. */
export async function logEvidence({ logs }: ClusterFolder, program: string): Promise<string[]> {
  try {
    const file = await open(join(logs, `${program}.log`));
    try {
      const { size } = await file.stat();
      const length = Math.min(size, tailBytes);
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return redact(buffer.toString('utf8'))
        .split('\n')
        .filter((line) => line.trim() !== '')
        .slice(-evidenceLines);
    } finally {
      await file.close();
    }
  } catch {
    return [];
  }
}
