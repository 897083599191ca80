import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { failureConverterPath } from './payloads/data-converter.js';

/** Where the worker finds the workflows. Made at build time: bundling at every start would cost it seconds. */
export const workflowBundlePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
/** The same for payloads that are encrypted: what workflows say in failures goes into payloads, too. */
export const encryptingBundlePath = fileURLToPath(
  new URL('../workflow-bundle-encrypting.js', import.meta.url),
);

const ignore = (): void => undefined;
const quiet = {
  log: ignore,
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: console.warn,
  error: console.error,
};

/** Bundles the compiled workflows with all that they import into one file for the workflow sandbox, and one that encrypts. */
export async function bundleWorkflows(): Promise<void> {
  const bundle = async (path: string, options: { readonly failureConverterPath?: string }): Promise<void> => {
    const { code } = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../workflows/index.js', import.meta.url)),
      logger: quiet,
      ...options,
    });
    await writeFile(path, code);
  };
  await Promise.all([bundle(workflowBundlePath, {}), bundle(encryptingBundlePath, { failureConverterPath })]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleWorkflows();
