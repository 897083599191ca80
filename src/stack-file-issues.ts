import type { z } from 'zod';
import { didYouMean } from './domain/did-you-mean.js';
import type { JsonSchema } from './stack-schema.js';

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/** One mistake in a stack file, in words for the person who wrote it. */
export interface Mistake {
  readonly path: Path;
  /** Where to point in the file: at the key (an unknown one), or at its value. */
  readonly at: 'key' | 'value';
  /** Follows "path: ". */
  readonly message: string;
}

/**
 * Explains zod's issues about `value`. Where the schema allows several forms, only the one that the value comes nearest
 * to is explained; `schema` (of the same type as `value`) tells which keys are known.
 */
export function explainIssues(issues: readonly Issue[], value: unknown, schema: JsonSchema): Mistake[] {
  return issues.flatMap((issue) => explain(issue, value, schema, []));
}

function explain(issue: Issue, value: unknown, schema: JsonSchema, prefix: Path): Mistake[] {
  const path = [...prefix, ...issue.path];
  const here = issue.path.reduce<unknown>(property, value);
  const hereSchema = issue.path.reduce<JsonSchema>(subschema, schema);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, Object.keys(hereSchema.properties ?? {})));
    case 'invalid_union':
      return explainUnion(issue.errors, here, hereSchema, path);
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ path, at: 'key', message: plain(message) }));
    default:
      return [
        { path, at: 'value', message: here === undefined ? missing(hereSchema) : plain(issue.message) },
      ];
  }
}

function explainUnion(errors: readonly Issue[][], value: unknown, schema: JsonSchema, path: Path): Mistake[] {
  const forms = (schema.anyOf ?? []).map((form, index) => ({ form, issues: errors[index] ?? [] }));
  const known = (form: JsonSchema): string[] =>
    Object.keys(form.properties ?? {}).filter((key) => property(value, key) !== undefined);
  const strangers = (issues: readonly Issue[]): number =>
    issues.filter(
      (issue) =>
        issue.path.length === 0 ||
        (issue.path.length === 1 && property(value, issue.path[0] ?? '') === undefined),
    ).length;
  const [best] = forms
    .filter(({ form }) => known(form).length > 0)
    .sort((a, b) => strangers(a.issues) - strangers(b.issues));
  if (best) return best.issues.flatMap((issue) => explain(issue, value, best.form, path));
  const ways = forms.map(({ form }) => (form.required ?? []).join(' + ')).join(', or ');
  const typed = Object.keys(typeof value === 'object' && value !== null ? value : {});
  const hint = didYouMean(
    typed[0] ?? '',
    forms.flatMap(({ form }) => [...(form.required ?? [])]),
  );
  return [
    { path, at: 'value', message: `must have ${ways}.${typed.length === 0 ? '' : hint}`.replace(/\.$/u, '') },
  ];
}

function unknownKey(path: Path, key: string, known: readonly string[]): Mistake {
  const message = `is not known here.${didYouMean(key, known) || ` Known are ${known.join(', ')}.`}`;
  return { path: [...path, key], at: 'key', message };
}

function missing(schema: JsonSchema): string {
  return schema.type === undefined ? 'is missing' : `is missing (${schema.type})`;
}

/** zod's sentences without the words that say nothing. */
function plain(message: string): string {
  return message
    .replace(/^(Invalid input|Invalid option|Invalid string|Too small|Too big): /u, '')
    .replace(/^Invalid (URL)$/u, 'is not a $1');
}

function property(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined;
}

function subschema(schema: JsonSchema, key: PropertyKey): JsonSchema {
  if (typeof key === 'number') return schema.items ?? {};
  const additional = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {};
  return schema.properties?.[String(key)] ?? additional;
}
