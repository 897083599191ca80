import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/**
 * What must never reach a log, an error or the workflow history. Two nets: values that are known to be secret, and
 * shapes that nearly always are. Neither replaces keeping secrets away from arguments and outputs in the first place.
 */
export const mask = '[redacted]';

/**
 * The end of a name whose value is a secret: `AWS_SECRET_ACCESS_KEY`, `admin-password`, `apiKey`. Not the beginning:
 * `secretName` and `PASSWORD_FILE` say where a secret is, not what it is.
 */
const secretName =
  '(?:password|passwd|passphrase|secret|token|credentials?|api[-_]?key|access[-_]?key|private[-_]?key|secret[-_]?key|client[-_]?key[-_]?data)';

/** Quoted text with blanks, a block of YAML, or a word; escaped quotes as in JSON inside JSON. */
const value = String.raw`(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\\"[^"\\\n]*\\"|[|>][-+]?[ \t]*(?:\n[ \t]+[^\n]+)+|[^\s"'\\,;&}\])]+)`;

/** Not worth hiding, and needed to read a manifest: `automountServiceAccountToken: false`. */
const plain = String.raw`(?!\s*["']?(?:true|false|null|\{\}|\[\])["']?(?:[\s,}]|$))`;

/** What stands before a secret is kept. Order matters: the more exact shape first. */
const shapes: readonly RegExp[] = [
  /(-----BEGIN [A-Z ]*PRIVATE KEY-----)([\s\S]*?)(?=-----END|$)/gu,
  // Authorization: Bearer …, and a bearer token wherever it stands.
  /(authorization\\?["']?\s*[:=]\s*\\?["']?(?:(?:basic|bearer|digest|token|negotiate)\s+)?)([^\s"'\\,]+)/giu,
  /(\bbearer\s+)([\w.~+/=-]{8,})/giu,
  /((?:^|[^\w-])(?:set-)?cookie\\?["']?\s*:\s*)([^\n"']+)/gimu,
  // name=value, name: value, "name": "value"
  new RegExp(String.raw`(${secretName}\\?["']?[ \t]*[=:]${plain}[ \t]*)(${value})`, 'giu'),
  // --name value
  new RegExp(String.raw`((?:^|\s)--?[\w-]*${secretName}\s+)(${value})`, 'giu'),
  // user:password@host
  /(\/\/[^\s/:@]+:)([^\s/@]+)(?=@)/gu,
  // Tokens that show what they are: JSON web tokens, GitHub, Slack, AWS.
  /()(\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)/gu,
  /()(\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-)[\w-]{10,})/gu,
  /()(\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)/gu,
];

/** Whether the value of a thing so named is a secret. */
export function isSecretName(name: string): boolean {
  return wholeName.test(name);
}
const wholeName = new RegExp(`${secretName}$`, 'iu');

/**
 * `text` without the given secret values (those of four characters and more) and without anything that looks like one.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, mask);
  for (const shape of shapes)
    clean = clean.replace(shape, (_, before: string, found: string) => before + masked(found));
  return clean;
}

/** The quotes stay, so that JSON remains JSON. */
function masked(found: string): string {
  const [quote = ''] = /^(?:\\?["'])/u.exec(found) ?? [];
  return quote + mask + quote;
}

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
