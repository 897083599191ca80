import { z } from 'zod';
import { stackSchema } from './domain/stack.js';

/** As much of JSON Schema as the schema of stack files uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly description?: string;
  readonly [keyword: string]: unknown;
}

/** The JSON Schema (draft 7: what editors' YAML servers read) of a stack file as it is written, defaults left out. */
export function stackJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(stackSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // A name of zod's own, of which validators warn; the pattern beside it says the same.
      if (jsonSchema.format === 'starts_with') delete jsonSchema.format;
      // zod cannot translate refinements.
      if (jsonSchema.properties?.['release'] && jsonSchema.properties['manifests']) {
        jsonSchema.oneOf = [{ required: ['release'] }, { required: ['manifests'] }];
      }
    },
  });
  return { ...schema, title: 'A stack of Tracewright' } as JsonSchema;
}
