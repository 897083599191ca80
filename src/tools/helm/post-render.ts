import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { toFailure } from '../../domain/failure.js';
import type { ImageRewriting } from '../../domain/stack.js';
import { rewriteImages } from './rewrite-images.js';

/** A post-renderer of helm: manifests on the standard input, the same with other images on the standard output. */
async function main(rulesFile: string): Promise<void> {
  const rules = JSON.parse(await readFile(rulesFile, 'utf8')) as ImageRewriting;
  process.stdout.write(rewriteImages(await text(process.stdin), rules));
}

try {
  await main(process.argv[2] ?? '');
} catch (error) {
  const { type, message } = toFailure(error);
  process.stderr.write(`${type}: ${message}\n`);
  process.exitCode = 1;
}
