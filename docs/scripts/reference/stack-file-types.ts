import { durationPattern } from '../../../src/domain/duration.js';
import type { JsonSchema } from '../../../src/stack-schema.js';
import { table } from './table.js';

/** Texts of a kind that occurs often, known by the pattern of the schema. */
const kinds = [
  {
    kind: 'name',
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    means: 'lower-case letters, digits and dashes, up to 53 characters',
  },
  {
    kind: 'object name',
    pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
    means: 'a name that may have dots, up to 253 characters',
  },
  { kind: 'duration', pattern: durationPattern.source, means: 'a number with s, m or h: `90s`, `5m`, `1h`' },
  {
    kind: 'version',
    pattern: '^v?\\d+\\.\\d+\\.\\d+([-+][\\w.+-]+)?$',
    means: 'one exact version: `1.2.3`, `v1.2.3`',
  },
  { kind: 'digest', pattern: '^sha256:[0-9a-f]{64}$', means: '`sha256:` and 64 hexadecimal digits' },
];

/** What the words in the column "value" mean. */
export function kindsSection(): string {
  return `## Values\n\n${table(
    ['value', 'means'],
    kinds.map(({ kind, means }) => [kind, means]),
  )}`;
}

/** What a field may hold, in words. */
export function typeOf(schema: JsonSchema): string {
  const { type, items, additionalProperties: values, properties, anyOf } = schema;
  if (anyOf) {
    const names = [...new Set(anyOf.map(typeOf))];
    return names.join() === 'object' ? 'object of one of several kinds' : names.join(' or ');
  }
  if (Array.isArray(schema['enum'])) return schema['enum'].map((it) => `\`${String(it)}\``).join(', ');
  if (type === 'string') return textKind(schema);
  if (type === 'integer') return isPort(schema) ? 'port' : 'whole number';
  if (type === 'array') return items ? `list of ${typeOf(items)}` : 'list';
  if (properties) return 'object';
  if (typeof values === 'object' && Object.keys(values).length > 0) return `${typeOf(values)} by name`;
  return type === 'object' ? 'object' : 'anything';
}

function textKind({ pattern, format }: JsonSchema): string {
  if (format === 'uri') return 'URL';
  return kinds.find((it) => it.pattern === pattern)?.kind ?? 'text';
}

const isPort = ({ minimum, maximum }: JsonSchema): boolean => minimum === 1 && maximum === 65_535;
