import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { referencePages, repository } from './pages.js';

/** `npm run reference` */
for (const { path, text } of await referencePages()) {
  await writeFile(join(repository, path), text);
  console.log(path);
}
