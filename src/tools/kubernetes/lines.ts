import type { Readable } from 'node:stream';

/** The lines of a stream as they come; a last one without a line break counts. Throws what the stream throws. */
export async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  // Not readline: its iterator neither ends nor throws when the input breaks.
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  if (rest !== '') yield rest;
}
