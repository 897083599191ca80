import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { sharedCacheDir } from '../support/cache.js';
import type { CodeBlock } from './markdown.js';
import { root } from './markdown.js';

/** The trace id of the examples; it stands for the last proof's. */
const exampleTrace = '1a0772331f3dbd39ddb12ecc4527a464';

export interface BlockRun {
  readonly exitCode: number | undefined;
  readonly output: string;
}

/**
 * Runs blocks as a reader would who copies them into a shell, each in an empty folder, with `tracewright` and
 * `npx tracewright` as the built command line.
 * @param folder holds the state folder of all blocks
 */
export async function blockRunner(
  folder: string,
): Promise<(block: CodeBlock, traceId?: string) => Promise<BlockRun>> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  const wrapper = join(root, 'test/docs/interrupting.mjs');
  const cli = join(root, 'bin/tracewright.js');
  await script(join(bin, 'tracewright'), `exec '${process.execPath}' '${wrapper}' '${cli}' "$@"`);
  await script(join(bin, 'npx'), `[ "$1" = tracewright ] || exit 64\nexec "$@"`);
  return async ({ text }, traceId) => {
    const cwd = await mkdtemp(join(folder, 'block-'));
    const { exitCode, all } = await execa('bash', ['-euo', 'pipefail'], {
      input: text.replaceAll(exampleTrace, traceId ?? exampleTrace),
      cwd,
      all: true,
      reject: false,
      timeout: 10 * 60_000,
      env: {
        PATH: [bin, process.env['PATH']].join(delimiter),
        TRACEWRIGHT_STATE_DIR: join(folder, 'state'),
        TRACEWRIGHT_CACHE_DIR: sharedCacheDir,
        NO_COLOR: '1',
        DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      },
    });
    return { exitCode, output: all };
  };
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
}
