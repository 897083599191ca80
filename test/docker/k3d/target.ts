import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Check } from '../../../src/domain/check.js';
import type { FailureType } from '../../../src/domain/failure.js';
import type { K3dSettings } from '../../../src/domain/k3d-settings.js';
import type { Cluster, ClusterState } from '../../../src/targets/target.js';
import type { DockerEngine } from '../../support/docker/engine.js';

/** What `call-target.ts` is told. */
export interface TargetCall {
  readonly what: 'create' | 'observe' | 'delete' | 'preflight';
  readonly environment: string;
  readonly stateDir: string;
  readonly settings: K3dSettings;
}

/** And what it answers, as one line of JSON: its last. */
export interface TargetAnswer {
  readonly cluster?: Cluster;
  readonly state?: ClusterState;
  readonly checks?: readonly Pick<Check, 'name' | 'state' | 'detail' | 'type'>[];
  readonly failure?: {
    readonly type: FailureType;
    readonly message: string;
    readonly remedy: string;
    readonly evidence: readonly string[];
  };
}

const script = fileURLToPath(new URL('call-target.ts', import.meta.url));
const tsx = join(import.meta.dirname, '../../../node_modules/tsx/dist/cli.mjs');

/**
 * Calls the k3d target where the engine's published ports listen, as the worker does.
 * @param env of the shell, beside the engine's own variables; `undefined` takes one away
 */
export async function callTarget(
  engine: DockerEngine,
  call: TargetCall,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<TargetAnswer> {
  const { stdout } = await engine.run(process.execPath, [tsx, script, JSON.stringify(call)], {
    timeoutMs: 300_000,
    env,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as TargetAnswer;
}
