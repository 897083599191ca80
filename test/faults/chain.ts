import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';

/** What is changed of a stack. */
export interface StackFile {
  targets?: string[];
  k3d?: { apiPort: number; ports: string[]; image?: string };
  components: Record<string, { needs?: string[] } & Record<string, unknown>>;
}

const embedded = fileURLToPath(new URL('../../stacks/embedded.yaml', import.meta.url));

/**
 * Writes the embedded stack with a change.
 * @returns the options of `up` for it but for the target, and how to remove it
 */
export async function variant(
  change: (stack: StackFile) => void,
): Promise<{ up: string[]; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-stack-'));
  const stack = parse(await readFile(embedded, 'utf8')) as StackFile;
  change(stack);
  const path = join(folder, 'stack.yaml');
  await writeFile(path, stringify(stack));
  return { up: ['--stack', path], close: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * The embedded stack one component after the other: what is done to a step is then done to that step alone, and every
 * step can be met at its start, middle and end.
 */
export async function chain(): Promise<{ bed: { up: string[] }; close: () => Promise<void> }> {
  const { up, close } = await variant(({ components }) => {
    const names = Object.keys(components);
    names.forEach((name, index) => {
      const component = components[name];
      if (component && index > 0)
        component.needs = [...new Set([...(component.needs ?? []), names[index - 1] ?? ''])];
    });
  });
  return { bed: { up }, close };
}
