import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { eventSchema } from './event-schema.js';

/** The JSON Schema (draft 7) of one line of `--json`. */
export function eventJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(eventSchema, { target: 'draft-7' });
  return { ...schema, title: 'An event of Tracewright' };
}

// `npm run schema` writes schemas/event.schema.json; a test says when that file is stale.
const [, script, target] = process.argv;
if (script !== undefined && target !== undefined && import.meta.url === pathToFileURL(script).href) {
  await writeFile(target, JSON.stringify(eventJsonSchema()));
}
