import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Where the worker finds the workflows. Made at build time: bundling at every start would cost it seconds. */
export const workflowBundlePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

const ignore = (): void => undefined;
const quiet = {
  log: ignore,
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: console.warn,
  error: console.error,
};

/** Bundles the compiled workflows with all that they import into one file for the workflow sandbox. */
export async function bundleWorkflows(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../workflows/environment.js', import.meta.url)),
    logger: quiet,
  });
  await writeFile(workflowBundlePath, code);
  return workflowBundlePath;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleWorkflows();
