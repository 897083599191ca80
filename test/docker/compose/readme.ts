import { readPages } from '../../docs/markdown.js';

/** The commands of the block of deploy/README.md that has a part which only it has. */
export async function commandsOf(part: string): Promise<string> {
  const pages = await readPages();
  const blocks = pages.find(({ path }) => path === 'deploy/README.md')?.blocks ?? [];
  const [block, ...others] = blocks.filter(({ text }) => text.includes(part));
  if (block === undefined || others.length > 0)
    throw new Error(`deploy/README.md has ${String(others.length + (block ? 1 : 0))} blocks with ${part}.`);
  return block.text;
}
