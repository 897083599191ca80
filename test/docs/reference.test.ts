import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { referencePages, repository } from '../../docs/scripts/reference/pages.js';
import { stackJsonSchema, type JsonSchema } from '../../src/stack-schema.js';

const pages = await referencePages();

describe('pages that are written from the code', () => {
  it.each(pages)('$path is what `npm run reference` writes', async ({ path, text }) => {
    expect(await readFile(join(repository, path), 'utf8')).toBe(text);
  });
});

/** The fields of a stack file without a word about what they are. */
function undescribed(schema: JsonSchema, path = ''): string[] {
  const { properties = {}, additionalProperties: values, items, anyOf = [] } = schema;
  if (path.endsWith('.objects')) return [];
  const own = Object.entries(properties).flatMap(([name, it]) => [
    ...(it.description === undefined ? [`${path}.${name}`] : []),
    ...undescribed(it, `${path}.${name}`),
  ]);
  const inner = [...anyOf, ...(items ? [items] : []), ...(typeof values === 'object' ? [values] : [])];
  return [...own, ...inner.flatMap((it) => undescribed(it, path))];
}

it('every field of a stack file is described', () => {
  expect(undescribed(stackJsonSchema())).toEqual([]);
});
