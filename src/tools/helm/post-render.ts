import { readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { toFailure } from '../../domain/failure.js';
import type { ImageRewriting } from '../../domain/stack.js';
import { rewriteImages } from './rewrite-images.js';

/** A post-renderer of helm: manifests on the standard input, the same with other images on the standard output. */
async function main(rulesFile: string): Promise<void> {
  const rules = JSON.parse(await readFile(rulesFile, 'utf8')) as ImageRewriting;
  process.stdout.write(rewriteImages(await text(process.stdin), rules));
}

const [rulesFile = '', failureFile = ''] = process.argv.slice(2);
try {
  await main(rulesFile);
} catch (error) {
  // Helm keeps to itself what a plugin says.
  await writeFile(failureFile, JSON.stringify(toFailure(error)), { mode: 0o600 });
  process.exitCode = 1;
}
