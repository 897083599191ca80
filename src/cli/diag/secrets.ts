import { isSecretName, mask, redact } from '../../tools/redact.js';

/** Shorter ones are hidden where they stand, but not looked for everywhere. In characters. */
const shortest = 4;

/** As passwords they keep no secret, and without these words nothing could be read. */
const common = new Set(
  'admin administrator changeme default disabled enabled false grafana guest none null password postgres root secret test token true user'.split(
    ' ',
  ),
);

/** Names of such fields end like those of secrets, and their values are names of objects. */
const reference = /^(?:secret|existingSecret|imagePullSecret)$/u;
const objectName = /^[a-z0-9][-a-z0-9.]*$/u;

/**
 * The secrets in a value from JSON: of fields, variables (`{ name, value }`) and parameters (`{ path, value }`) that
 * are named like secrets, and the contents of Kubernetes Secrets.
 */
export function secretsIn(value: unknown): string[] {
  const found = new Set<string>();
  visit(value, found);
  return [...found].filter(isWorthHiding);
}

/** Those in the variables of a process: what is named like a secret, and the credentials in URLs. */
export function secretsOfEnvironment(environment: Readonly<Record<string, string | undefined>>): string[] {
  const found = Object.entries(environment).flatMap(([name, value = '']) => {
    const inUrls = [...value.matchAll(/:\/\/([^\s/:@]+)(?::([^\s@]+))?@/gu)];
    return [
      ...(isSecretName(name) ? [value] : []),
      ...inUrls.flatMap(([, user = '', password]) => [password ?? user]),
    ];
  });
  return [...new Set(found)].filter(isWorthHiding);
}

/** Whether the field of that name holds a secret, whatever is in it. */
function isSecretField(key: string, value: unknown): boolean {
  return isSecretName(key) && isText(value);
}

/** What is a secret in `{ name: 'GF_PASSWORD', value: '…' }` and `{ path: ['adminPassword'], value: … }`. */
function hasSecretValue(item: Readonly<Record<string, unknown>>): boolean {
  const { name, path } = item;
  const names = [name, ...(Array.isArray(path) ? (path as unknown[]) : [])];
  return 'value' in item && names.some((it) => typeof it === 'string' && isSecretName(it));
}

/** Whether it is a Secret of Kubernetes with its contents. */
function isKubernetesSecret(item: Readonly<Record<string, unknown>>): boolean {
  return item['kind'] === 'Secret' && ('data' in item || 'stringData' in item);
}

function visit(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const part of value as unknown[]) visit(part, found);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const item = value as Record<string, unknown>;
  if (hasSecretValue(item)) addAll(item['value'], found);
  if (isKubernetesSecret(item)) {
    addAll(item['stringData'], found);
    for (const text of Object.values((item['data'] ?? {}) as Record<string, unknown>))
      if (typeof text === 'string') found.add(Buffer.from(text, 'base64').toString('utf8'));
  }
  for (const [key, part] of Object.entries(item)) {
    const isName = reference.test(key) && objectName.test(String(part));
    if (isSecretField(key, part) && !isName) found.add(String(part));
    visit(part, found);
  }
}

/** Every text and number in the value. */
function addAll(value: unknown, found: Set<string>): void {
  if (isText(value)) found.add(String(value));
  else if (typeof value === 'object' && value !== null)
    for (const part of Object.values(value)) addAll(part, found);
}

/** Digits may be a secret, too. */
function isText(value: unknown): value is string | number | bigint {
  return ['string', 'number', 'bigint'].includes(typeof value);
}

function isWorthHiding(text: string): boolean {
  return text.length >= shortest && !common.has(text.toLowerCase());
}

/** Takes secrets out of texts and out of values from JSON. */
interface Cleaner {
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
