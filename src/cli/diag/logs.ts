import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Config } from '../../config.js';
import { logEnd } from '../../tools/log-file.js';
import { clusterLogs, daemonLogs, type KeptLog, toolLogs } from '../kept-logs.js';
import type { DiagFile, Part } from './part.js';

/** The ends of the logs in the state folder: of our background processes, and of an environment's tools and cluster. */
export function keptLogParts(config: Config, environment: string | undefined): Part[] {
  const ofDaemons = ['worker', 'temporal'].map((name): Part => ({
    what: `the log of ${name}`,
    limitMs: 10_000,
    collect: async () => {
      const log = daemonLogs(config, name);
      if (!log || !existsSync(log.path)) throw new Error('there is none on this machine');
      return { files: [await fileOf(log, 'logs')] };
    },
  }));
  if (environment === undefined) return ofDaemons;
  const folder = (what: string, into: string, find: () => Promise<readonly KeptLog[]>): Part => ({
    what,
    limitMs: 10_000,
    collect: async () => {
      const logs = await find();
      return { files: await Promise.all(logs.map((log) => fileOf(log, into))) };
    },
  });
  return [
    ...ofDaemons,
    folder('the logs of helm', 'logs/tools', () => toolLogs(config, environment)),
    folder("the logs of the cluster's programs", 'logs/cluster', () =>
      clusterLogs(config, environment, 'embedded'),
    ),
  ];
}

async function fileOf({ source, path }: KeptLog, into: string): Promise<DiagFile> {
  const { text, more } = await logEnd(path, toRead.bytes);
  return logFile(`${into}/${source}.log`, source, endOf(text, more));
}

/** So much goes into the archive of each log, from its end: the last 500 lines, or 256 KiB. */
const kept = { lines: 500, bytes: 256 * 1024 };

/**
 * Read before that, and left out when secrets are hidden: one that the beginning of what was read runs through cannot
 * be recognised. No key has so many lines, and hiding short secrets makes 6 KiB of them into no more than this.
 */
const overlap = { lines: 100, bytes: 64 * 1024 };

/** So much is to be read of a log, from its end; one line more shows whether there is more. */
export const toRead = { lines: kept.lines + overlap.lines + 1, bytes: kept.bytes + overlap.bytes };

/** The end of a log, secrets and all. */
interface LogEnd {
  readonly text: string;
  /** Whether there is more before it. */
  readonly cut: boolean;
}

/** Reads to the end, however much there is, and keeps no more than `toRead`. Throws what the stream throws. */
export async function readEnd(stream: Readable): Promise<LogEnd> {
  let chunks: Buffer[] = [];
  let size = 0;
  let before = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    // Not at every chunk: each time all that is kept is copied.
    if (size < 2 * toRead.bytes) continue;
    chunks = [Buffer.from(Buffer.concat(chunks).subarray(-toRead.bytes))];
    before += size - toRead.bytes;
    size = toRead.bytes;
  }
  const end = Buffer.concat(chunks).subarray(-toRead.bytes);
  return endOf(end.toString('utf8'), before > 0 || size > toRead.bytes);
}

/** @param cut whether there is more before the text */
function endOf(text: string, cut: boolean): LogEnd {
  const lines = text.split('\n');
  // Behind the last line break stands nothing, or a line that is being written.
  const tooMany = lines.length > toRead.lines;
  return { text: tooMany ? lines.slice(-toRead.lines).join('\n') : text, cut: cut || tooMany };
}

/** The file of the archive for it. */
export function logFile(path: string, whose: string, { text, cut }: LogEnd): DiagFile {
  const what = `the log of ${whose}${cut ? ': its end' : ''}`;
  return { path, what, content: text, ...(cut && { cut }) };
}

/**
 * The end of a log that was cut, once its secrets are hidden: without what was read only to recognise them. Its first
 * line says that the start is missing.
 */
export function withoutOverlap(clean: string): string {
  const note = `[The start of this log was left out: its last ${String(kept.lines)} lines go in, or ${String(kept.bytes / 1024)} KiB.]\n`;
  const byLines = afterLines(clean, overlap.lines);
  if (byLines <= overlap.bytes) return note + clean.slice(byLines);
  // In the middle of a line: the next one, unless that was the last.
  const next = clean.indexOf('\n', overlap.bytes) + 1;
  return note + clean.slice(next > 0 && next < clean.length ? next : overlap.bytes);
}

/** Where the line after the first `count` begins; Infinity where there are no more. */
function afterLines(text: string, count: number): number {
  let at = 0;
  for (let line = 0; line < count; line += 1) {
    at = text.indexOf('\n', at) + 1;
    if (at === 0) return Infinity;
  }
  return at;
}
