import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { listStacks } from '../src/stack-file.js';
import { stackJsonSchema } from '../src/stack-schema.js';

const root = join(import.meta.dirname, '..');

test('schemas/stack.schema.json is what `npm run schema` writes', async () => {
  const written = await readFile(join(root, 'schemas', 'stack.schema.json'), 'utf8');
  expect(JSON.parse(written)).toEqual(stackJsonSchema());
});

test('an editor that follows it takes the built-in stacks, and shows a mistake', async () => {
  const ajv = new Ajv();
  formats.default(ajv);
  const validate = ajv.compile(stackJsonSchema());
  for (const name of await listStacks(join(root, 'stacks'))) {
    const text = await readFile(join(root, 'stacks', `${name}.yaml`), 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/schemas\/stack\.schema\.json$/mu);
    const stack = parse(text) as { components: Record<string, object> };
    expect(validate(stack), JSON.stringify(validate.errors)).toBe(true);
    const [first = ''] = Object.keys(stack.components);
    stack.components[first] = { ...stack.components[first], realease: {} };
    expect(validate(stack)).toBe(false);
  }
});
