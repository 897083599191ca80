import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bashCompletion, fishCompletion, zshCompletion } from '../../src/cli/commands/completion.js';
import { completionTree } from '../../src/cli/program/completion-tree.js';
import { createProgram } from '../../src/cli/program.js';
import { findProgram } from '../../src/tools/find-program.js';
import { recordingContext } from './support.js';

const tree = completionTree(createProgram(recordingContext().context, () => undefined));
const scripts = { bash: bashCompletion(tree), zsh: zshCompletion(tree), fish: fishCompletion(tree) };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tracewright-test-'));
  await mkdir(join(folder, 'environments', 'branch-42'), { recursive: true });
  for (const [shell, script] of Object.entries(scripts)) await writeFile(join(folder, shell), script);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const env = (): Record<string, string> => ({ TRACEWRIGHT_STATE_DIR: folder });

/** What a Tab suggests behind the last of these words. */
async function bash(...words: string[]): Promise<string[]> {
  const program = `source "$0"
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tracewright 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa(
    'bash',
    ['--norc', '-c', program, join(folder, 'bash'), 'tracewright', ...words],
    { env: env() },
  );
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  it.each([
    [['re'], ['retry', 'resume']],
    [['up', '--ta'], ['--target']],
    [
      ['up', '--target', ''],
      ['auto', 'embedded', 'k3d', 'kubeconfig'],
    ],
    [['up', '--fail-fast', '-t', 'e'], ['embedded']],
    [['status', '--name', ''], ['branch-42']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['up', '--ttl', ''], []],
    [['nope', ''], []],
  ])('%j', async (words, suggested) => {
    expect(await bash(...words)).toEqual(suggested);
  });

  it('knows every command and every flag', async () => {
    expect(await bash('')).toEqual(tree.commands.map(({ name }) => name));
    for (const { name, flags } of tree.commands)
      expect(await bash(name, '--')).toEqual(expect.arrayContaining(flags.map(({ long }) => long)));
  });

  it('runs nothing of what is being typed', async () => {
    const trap = join(folder, 'trap');
    await bash('up', `$(touch ${trap})`, '');
    expect(await findProgram('trap', folder)).toBeUndefined();
  });
});

for (const shell of ['zsh', 'fish'] as const) {
  const installed = (await findProgram(shell, process.env['PATH'])) !== undefined;
  if (!installed) console.warn(`The completion of ${shell} is NOT tested: ${shell} is not installed.`);

  it.skipIf(!installed)(`the script for ${shell} is valid`, async () => {
    expect((await execa(shell, ['-n', join(folder, shell)])).stderr).toBe('');
  });

  it.skipIf(!installed || shell !== 'fish')('fish completes commands, values and names', async () => {
    const complete = async (line: string): Promise<string[]> => {
      const program = `source $argv[1]; complete -C $argv[2]`;
      const { stdout } = await execa('fish', ['-c', program, join(folder, 'fish'), line], { env: env() });
      return stdout.split('\n').map((text) => text.split('\t', 1)[0] ?? '');
    };
    expect(await complete('tracewright re')).toEqual(['resume', 'retry']);
    expect(await complete('tracewright up --target e')).toEqual(['embedded']);
    expect(await complete('tracewright down --name ')).toEqual(['branch-42']);
  });
}
