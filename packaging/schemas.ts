import { writeFile } from 'node:fs/promises';
import { eventJsonSchema } from '../src/cli/views/event-schema.js';
import { stackJsonSchema } from '../src/stack-schema.js';

/** Writes the JSON Schemas of schemas/: `npm run schema`. Tests say when they are stale. */
await writeFile('schemas/stack.schema.json', JSON.stringify(stackJsonSchema(), undefined, 2));
await writeFile('schemas/event.schema.json', JSON.stringify(eventJsonSchema()));
