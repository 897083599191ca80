import { loadConfig } from '../../src/config.js';
import type { ToolSource } from '../../src/tools/find-program.js';

/** The kubectl of PATH, or the one that Tracewright brings along. */
export const kubectl: ToolSource = loadConfig();

/** The same with other variables; `undefined` takes one away. */
export function kubectlWith(variables: Readonly<Record<string, string | undefined>>): ToolSource {
  return { ...kubectl, environment: { ...kubectl.environment, ...variables } };
}
