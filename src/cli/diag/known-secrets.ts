import { isSecretName } from '../../tools/redact.js';

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
export function isSecretField(key: string, value: unknown): boolean {
  return isSecretName(key) && (typeof value === 'string' || typeof value === 'number');
}

/** What is a secret in `{ name: 'GF_PASSWORD', value: '…' }` and `{ path: ['adminPassword'], value: … }`. */
export function hasSecretValue(item: Readonly<Record<string, unknown>>): boolean {
  const { name, path } = item;
  const names = [name, ...(Array.isArray(path) ? (path as unknown[]) : [])];
  return 'value' in item && names.some((it) => typeof it === 'string' && isSecretName(it));
}

/** Whether it is a Secret of Kubernetes with its contents. */
export function isKubernetesSecret(item: Readonly<Record<string, unknown>>): boolean {
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
  if (typeof value === 'string' || typeof value === 'number') found.add(String(value));
  else if (typeof value === 'object' && value !== null)
    for (const part of Object.values(value)) addAll(part, found);
}

function isWorthHiding(text: string): boolean {
  return text.length >= shortest && !common.has(text.toLowerCase());
}
