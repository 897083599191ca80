import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import { isLast, shellBlocks, title, whereRun } from '../docs/blocks.js';
import { readPages, type CodeBlock } from '../docs/markdown.js';
import { blockRunner } from '../docs/run-block.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { createCli, type Cli } from './cli.js';

const blocks = shellBlocks(await readPages()).filter((block) => whereRun(block) === 'environment');
const inOrder = [...blocks.filter((it) => !isLast(it)), ...blocks.filter(isLast)];

/** One environment for all blocks of the docs; those that take it away come last. */
describe.skipIf((await whyNoCluster()) !== undefined)('the docs, as typed', { timeout: 600_000 }, () => {
  let folder: string;
  let cli: Cli;
  let run: (block: CodeBlock, traceId?: string) => ReturnType<Awaited<ReturnType<typeof blockRunner>>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tracewright-docs-'));
    cli = createCli(join(folder, 'state'));
    run = await blockRunner(folder);
  });
  afterAll(async () => {
    await cli.run('down');
    await rm(folder, { recursive: true, force: true });
  });

  it.each(inOrder.map((block) => [title(block), block] as const))('%s', async (_name, block) => {
    const there = (await cli.run('list', '--json')).stdout;
    if (!there.includes('Ready')) {
      const up = await cli.run('up');
      expect(up.exitCode, up.stdout + up.stderr).toBe(0);
    }
    const { proof } = JSON.parse((await cli.run('status', '--json')).stdout) as Progress;
    const { exitCode, output } = await run(block, proof?.traceId);
    expect(exitCode, output).toBe(0);
  });
});
