/**
 * What must never reach a log, an error or the workflow history. Two nets: values that are known to be secret, and
 * shapes that nearly always are. Neither replaces keeping secrets away from arguments and outputs in the first place.
 */
const mask = '[redacted]';

const secretShapes: readonly RegExp[] = [
  // key=value, key: value, --key value, "key":"value"
  /((?:password|passwd|secret|token|api[-_]?key|private[-_]?key|client[-_]?key-data)["']?\s*[=:\s]\s*["']?)([^\s"',;&]{3,})/giu,
  /(authorization:\s*(?:basic|bearer)\s+)(\S+)/giu,
  // user:password@host
  /(\/\/[^\s/:@]+:)([^\s/@]+)(?=@)/gu,
  /(-----BEGIN [A-Z ]*PRIVATE KEY-----)([\s\S]*?)(?=-----END|$)/gu,
];

/** `text` without the given secret values (those of four characters and more) and without anything that looks like one. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, mask);
  for (const shape of secretShapes) clean = clean.replace(shape, `$1${mask}`);
  return clean;
}
