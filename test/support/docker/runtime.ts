import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

/**
 * Writes a runtime for containers that works where the machine itself lacks a capability (sandboxes without
 * CAP_SYS_RESOURCE): it takes from each container what nobody here could give it, then becomes runc.
 * @returns its path
 */
export async function writeRuntime(folder: string, runc: string): Promise<string> {
  const source = await readFile(join(import.meta.dirname, 'strip-spec.ts'), 'utf8');
  const { outputText } = transpileModule(source, {
    compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 },
  });
  const script = join(folder, 'strip-spec.mjs');
  await writeFile(script, outputText);
  const path = join(folder, 'runtime');
  await writeFile(path, `#!/bin/sh\n'${process.execPath}' '${script}' "$@" || exit\nexec '${runc}' "$@"\n`);
  await chmod(path, 0o755);
  return path;
}
