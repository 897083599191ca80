import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { mask, redact } from './redact.js';

/**
 * A line longer than this is passed on in parts, in characters: a program that never ends its line must not fill our
 * memory.
 */
const maxLine = 64 * 1_024;

/** Takes secrets out of text on its way into a file, line by line; a private key has several. */
export function redactLines(): Transform {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let inKey = false;
  const clean = (line: string): string => {
    const begins = line.includes('PRIVATE KEY-----') && line.includes('-----BEGIN');
    const ends = line.includes('-----END');
    const hidden = inKey && !ends;
    inKey = (inKey || begins) && !ends;
    return hidden ? mask : redact(line);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > maxLine) lines.push(rest);
      if (rest.length > maxLine) rest = '';
      done(undefined, lines.map((line) => `${clean(line)}\n`).join(''));
    },
    flush(done) {
      rest += decoder.end();
      done(undefined, rest === '' ? '' : clean(rest));
    },
  });
}
