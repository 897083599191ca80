import { callsOf, programsOf } from './calls.js';
import { readPages, type CodeBlock, type Page } from './markdown.js';
import { notRun, type NotRun } from './not-run.js';

/** Commands that need neither a server nor a cluster. */
const cheap = new Set(['list', 'plan', 'doctor', 'config', 'completion', 'help']);
/** What blocks may use besides `tracewright`. */
const filters = new Set(['tracewright', 'jq', 'grep', 'head', 'source', 'export', 'kubectl']);

export type Where = 'here' | 'environment' | 'listed' | 'nowhere';

/** Identical blocks are one, with `npx` or without. */
export function shellBlocks(pages: readonly Page[]): CodeBlock[] {
  const blocks = pages.flatMap((page) => page.blocks).filter(({ language }) => language === 'sh');
  return [...new Map(blocks.map((block) => [block.text.replaceAll('npx ', ''), block])).values()];
}

/**
 * Where a block is run: in a test without a cluster (`here`), in the one with a whole environment, or not at all, for a
 * reason that is listed. `nowhere` is a mistake.
 */
export function whereRun(block: CodeBlock): Where {
  if (listed(block)) return 'listed';
  if ([...programsOf(block.text)].some((program) => !filters.has(program))) return 'nowhere';
  const calls = callsOf(block.text);
  if (calls.length === 0) return 'nowhere';
  return calls.every(([command = '', ...rest]) => cheap.has(command) || rest.includes('--help'))
    ? 'here'
    : 'environment';
}

export function listed({ page, text }: CodeBlock): NotRun | undefined {
  return notRun.find((it) => it.page === page && text.includes(it.has));
}

/** For the name of a test. */
export function title({ page, line, text }: CodeBlock): string {
  return `${page}:${String(line)} ${text.split('\n')[0] ?? ''}`;
}

/** Takes away what others need: goes last. */
export function isLast({ text }: CodeBlock): boolean {
  return callsOf(text).some(([command]) => command === 'down' || command === 'abort');
}

/** The text of the one block of a page that has this part, for a test that does what the page says. */
export async function blockOf(path: string, part: string): Promise<string> {
  const page = (await readPages()).find((it) => it.path === path);
  const [block, ...others] = page?.blocks.filter(({ text }) => text.includes(part)) ?? [];
  if (block === undefined || others.length > 0)
    throw new Error(`${path} has ${String(others.length + (block ? 1 : 0))} blocks with ${part}.`);
  return block.text;
}
