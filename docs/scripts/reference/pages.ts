import { join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { stackJsonSchema } from '../../../src/stack-schema.js';
import { failuresPage } from './failures-page.js';
import { stackFilePage } from './stack-file-page.js';

export const repository = resolve(import.meta.dirname, '../../..');

export interface ReferencePage {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** The pages that are written from the code, formatted as `npm run lint` wants them. */
export async function referencePages(): Promise<ReferencePage[]> {
  const pages = [
    { path: 'docs/reference/failures.md', text: failuresPage() },
    { path: 'docs/reference/stack-file.md', text: stackFilePage(stackJsonSchema()) },
  ];
  return Promise.all(
    pages.map(async ({ path, text }) => {
      const filepath = join(repository, path);
      return { path, text: await format(text, { ...(await resolveConfig(filepath)), filepath }) };
    }),
  );
}
