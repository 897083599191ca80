import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliContext } from '../../src/cli/context.js';
import { createProgram, withCommands } from '../../src/cli/program.js';
import { createPaint } from '../../src/cli/views/format.js';
import { loadConfig } from '../../src/config.js';
import { listed, shellBlocks, title, whereRun } from './blocks.js';
import { callsOf, type Call } from './calls.js';
import { readPages } from './markdown.js';
import { notRun } from './not-run.js';
import { blockRunner } from './run-block.js';

const pages = await readPages();
const all = pages.flatMap((page) => page.blocks).filter(({ language }) => language === 'sh');
const blocks = shellBlocks(pages);

/** The program of the command line, whose commands do nothing. */
function program(): Command {
  const signal = new AbortController().signal;
  const context: CliContext = {
    config: loadConfig(),
    version: '0',
    print: () => undefined,
    note: () => undefined,
    paint: createPaint(false),
    terminal: undefined,
    columns: 100,
    signal,
    interrupted: signal,
  };
  const it = createProgram(context, () => undefined);
  for (const command of withCommands(it))
    command.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  for (const command of withCommands(it).slice(1)) command.action(() => undefined);
  return it;
}

/** What a sentence may leave out when it names a command. */
const missing = ['commander.missingMandatoryOptionValue', 'commander.missingArgument'];

/** @returns what the command line would say against this call */
async function objection(call: Call, isSentence = false): Promise<string | undefined> {
  try {
    await program().parseAsync([...call], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (isSentence && missing.includes(error.code)) return undefined;
    return error.exitCode === 0 ? undefined : `tracewright ${call.join(' ')}: ${error.message}`;
  }
  return undefined;
}

describe('commands in the docs', () => {
  it.each(all.map((block) => [title(block), block] as const))(
    '%s: bash can read it',
    async (_name, block) => {
      const { exitCode, stderr } = await execa('bash', ['-n'], { input: block.text, reject: false });
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
    },
  );

  it.each(pages)('$path: every call is one that the command line takes', async ({ blocks, spans }) => {
    const scripts = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => callsOf(text));
    const named = spans
      .flatMap((span) => callsOf(span))
      .filter(([command]) => command !== undefined && command !== '<command>');
    const objections = await Promise.all([
      ...scripts.map((call) => objection(call)),
      ...named.map((call) => objection(call, true)),
    ]);
    expect(objections.filter((it) => it !== undefined)).toEqual([]);
  });

  it('knows a call that the command line refuses', async () => {
    expect(
      callsOf('npx tracewright upp && echo tracewright # \'x\'\na="$(tracewright trace --longst)"'),
    ).toEqual([['upp']]);
    expect(await objection(['upp'])).toContain('unknown command');
    expect(await objection(['trace', '--longst'])).toContain('unknown option');
    expect(await objection(['extend', 'soon'])).toContain('It must be a number');
  });

  it('the reference names every command and every option', () => {
    const text = pages.find(({ path }) => path === 'docs/reference/commands.md')?.spans.join('\n') ?? '';
    const words = new Set(text.split(/[^\w-]+/u));
    const it = program();
    const flags = [it, ...it.commands].flatMap(({ options }) => options.map(({ long }) => long ?? ''));
    const names = it.commands.map((command) => command.name());
    expect([...names, ...flags].filter((name) => !words.has(name))).toEqual([]);
  });

  it('every block is run, or listed with the reason why not', () => {
    expect(blocks.filter((block) => whereRun(block) === 'nowhere').map(title)).toEqual([]);
    const used = new Set(all.map(listed));
    expect(notRun.filter((entry) => !used.has(entry))).toEqual([]);
  });
});

describe('blocks that need no environment', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tracewright-docs-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const here = blocks.filter((block) => whereRun(block) === 'here');
  it.each(here.map((block) => [title(block), block] as const))('%s', async (_name, block) => {
    const run = await (await blockRunner(folder))(block);
    expect(run.exitCode, run.output).toBe(0);
  });
});
