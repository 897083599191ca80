import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { loadConfig } from '../../src/config.js';
import type { ToolSource } from '../../src/tools/find-program.js';
import { findByVariable } from '../../src/tools/process-identity.js';

/** The kubectl of PATH, or the one that Tracewright brings along. */
export const kubectl: ToolSource = loadConfig();

/** The same with other variables; `undefined` takes one away. */
export function kubectlWith(variables: Readonly<Record<string, string | undefined>>): ToolSource {
  return { ...kubectl, environment: { ...kubectl.environment, ...variables } };
}

/** Waits until nothing runs any more that was started with this variable. */
export async function goneByVariable(variable: string, value: string): Promise<void> {
  const deadline = Date.now() + 8_000;
  while ((await findByVariable(variable, value)).length > 0) {
    expect(Date.now(), 'kubectl and its plugin still run').toBeLessThan(deadline);
    await sleep(100);
  }
}
