import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { listStacks } from '../src/stack-file.js';
import { openEditor, type Editor } from './support/yaml-language-server.js';

const stacks = join(import.meta.dirname, '..', 'stacks');
const names = await listStacks(stacks);

/** The schema is found by the first line of each file alone, as in an editor without any settings. */
describe('in an editor, by the real YAML language server', () => {
  let editor: Editor;
  beforeEach(async () => {
    editor = await openEditor();
  });

  it.each(names)('the stack %s has no mistakes', async (name) => {
    const path = join(stacks, `${name}.yaml`);
    expect(await editor.diagnosticsOf(path, await readFile(path, 'utf8'))).toEqual([]);
  });

  it('a mistake is underlined where it is', async () => {
    const path = join(stacks, 'tutorial.yaml');
    const text = await readFile(path, 'utf8');
    const lines = text.split('\n');
    const line = lines.findIndex((it) => it.trim() === 'release:');
    const wrong = lines.with(line, lines[line]?.replace('release', 'realease') ?? '').join('\n');
    const found = await editor.diagnosticsOf(path, wrong);
    expect(found).toContainEqual(
      expect.objectContaining({
        message: expect.stringContaining('realease') as unknown,
        range: expect.objectContaining({ start: expect.objectContaining({ line }) as unknown }) as unknown,
      }),
    );
  });

  it('a schema that is not there is said, so that the tests above look at ours', async () => {
    const found = await editor.diagnosticsOf(
      join(stacks, 'mine.yaml'),
      '# yaml-language-server: $schema=../schemas/none.json\nname: mine\n',
    );
    expect(found.map(({ message }) => message).join()).toContain('none.json');
  });

  it('what a component may be is offered', async () => {
    const text = [
      '# yaml-language-server: $schema=../schemas/stack.schema.json',
      'name: mine',
      'components:',
      '  tempo:',
      '    ',
    ].join('\n');
    const offered = await editor.completionsOf(join(stacks, 'mine.yaml'), text);
    expect(offered).toEqual(expect.arrayContaining(['release', 'manifests', 'needs', 'ready', 'timeout']));
  });
});
