import { mask, redact } from '../../tools/redact.js';
import { hasSecretValue, isKubernetesSecret, isSecretField } from './known-secrets.js';

/** Takes secrets out of texts and out of values from JSON. */
export interface Cleaner {
  text(text: string): string;
  /** The same shape, without secrets. */
  json(value: unknown): unknown;
}

/** @param secrets that are known: they go wherever they stand, as they are, in base64, in JSON and in URLs */
export function createCleaner(secrets: readonly string[]): Cleaner {
  // The longest first: one secret may be a part of another.
  const spellings = [...new Set(secrets.flatMap(spellingsOf))].sort((a, b) => b.length - a.length);
  const text = (dirty: string): string =>
    // In URLs a name without a password may be a token.
    redact(dirty, spellings).replace(/(?<!\bssh)(:\/\/)[^\s/"'@]+(?=@)/gu, `$1${mask}`);
  const json = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(json);
    if (typeof value !== 'object' || value === null) return value;
    const item = value as Record<string, unknown>;
    const hidden = new Set([
      ...(hasSecretValue(item) ? ['value'] : []),
      ...(isKubernetesSecret(item) ? ['data', 'stringData'] : []),
    ]);
    return Object.fromEntries(
      Object.entries(item).map(([key, part]) => [
        text(key),
        hidden.has(key) || isSecretField(key, part) ? mask : json(part),
      ]),
    );
  };
  return { text, json };
}

function spellingsOf(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...base64Of(secret)];
}

/** In base64 a text looks differently in each of three places; its first and last digit hold bits of its neighbours. */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((before) => {
    const digits = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url');
    return digits.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [
    ...shifted,
    ...shifted.map((digits) => digits.replaceAll('-', '+').replaceAll('_', '/')),
    bytes.toString('base64'),
  ].filter(({ length }) => length >= 6);
}
