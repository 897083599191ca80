import type { JsonSchema } from '../../../src/stack-schema.js';
import { generatedNote, table } from './table.js';
import { kindsSection, typeOf } from './stack-file-types.js';

/** docs/reference/stack-file.md: a section for every object of the schema, in the order of the file. */
export function stackFilePage(schema: JsonSchema): string {
  const note = generatedNote('`src/domain/stack.ts`');
  return [note, intro, kindsSection(), ...objectSections('', schema), ''].join('\n\n');
}

const intro = `# Stack file

A stack is a YAML file: what is installed, what needs what, how one knows that it is ready, and how the whole is proved. The
[built-in stacks](../../stacks/) are examples to read and to copy.
Unknown fields are refused, with the line where they stand. With this as the first line, editors complete and check the file:

\`\`\`yaml
# yaml-language-server: $schema=<path to>/schemas/stack.schema.json
\`\`\``;

/** The section of an object, then those of the objects in it. */
function objectSections(path: string, schema: JsonSchema): string[] {
  const properties = Object.entries(schema.properties ?? {});
  const rows = properties.map(([name, it]) => [
    `\`${name}\``,
    typeOf(it),
    schema.required?.includes(name) ? 'yes' : defaultOf(it),
    it.description ?? '',
  ]);
  const own = [heading(path), sentence(schema), table(['field', 'value', 'required', 'what'], rows)];
  const inner = properties.flatMap(([name, it]) => innerSections(path === '' ? name : `${path}.${name}`, it));
  return [...own.filter((it) => it !== ''), ...inner];
}

function innerSections(path: string, schema: JsonSchema): string[] {
  const { properties, items, additionalProperties: values, anyOf } = schema;
  if (anyOf) return [heading(path), ...anyOf.map(variant), ...anyOf.flatMap((it) => ofVariant(path, it))];
  if (properties) return isOpen(schema) ? [] : objectSections(path, schema);
  if (items) return innerSections(`${path}[]`, items);
  if (typeof values === 'object') return innerSections(`${path}.<name>`, values);
  return [];
}

/** What a variant holds that needs a table of its own. */
function ofVariant(path: string, { properties = {} }: JsonSchema): string[] {
  return Object.entries(properties).flatMap(([name, it]) =>
    it.properties ? objectSections(`${path}.${name}`, it) : [],
  );
}

/** One of several kinds that a field may be, with its fields in one table. */
function variant({ description = '', properties = {}, required = [] }: JsonSchema): string {
  const rows = Object.entries(properties).map(([name, it]) => [
    `\`${name}\``,
    typeOf(it),
    required.includes(name) ? 'yes' : defaultOf(it),
    it.description ?? '',
  ]);
  return `${description}\n\n${table(['field', 'value', 'required', 'what'], rows)}`;
}

/** Kubernetes objects: what they hold is the API server's to say. */
const isOpen = ({ additionalProperties }: JsonSchema): boolean => additionalProperties !== false;

function heading(path: string): string {
  if (path === '') return '## The file';
  const isTop = !path.replace('.<name>', '').includes('.');
  return `${isTop ? '##' : '###'} \`${path}\``;
}

const sentence = ({ description = '' }: JsonSchema): string => description;

function defaultOf({ default: value }: JsonSchema): string {
  return value === undefined ? 'no' : `default \`${JSON.stringify(value)}\``;
}
