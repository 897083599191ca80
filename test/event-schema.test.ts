import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventJsonSchema, eventSchema } from '../src/cli/views/event-schema.js';

const root = join(import.meta.dirname, '..');

test('schemas/event.schema.json is what `npm run schema` writes', async () => {
  const written = await readFile(join(root, 'schemas', 'event.schema.json'), 'utf8');
  expect(JSON.parse(written)).toEqual(eventJsonSchema());
});

test('docs/reference/events.md names every event and every field', async () => {
  const text = await readFile(join(root, 'docs', 'reference', 'events.md'), 'utf8');
  for (const { shape } of eventSchema.options) {
    const [kind] = shape.event.values;
    const row = text.split('\n').find((line) => line.startsWith(`| \`${String(kind)}\``)) ?? '';
    const fields = Object.keys(shape).filter((field) => !['event', 'at', 'environment'].includes(field));
    for (const field of fields) expect(row, String(kind)).toContain(`\`${field}\``);
  }
});
