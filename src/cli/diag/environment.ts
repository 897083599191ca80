import type { Client } from '@temporalio/client';
import type { Config } from '../../config.js';
import { toFailure } from '../../domain/failure.js';
import { planOf } from '../../domain/plan.js';
import type { EnvironmentSpec, Progress } from '../../domain/progress.js';
import { environmentWorkflowId } from '../../domain/names.js';
import { withClient } from '../../temporal/server.js';
import { listEnvironments } from '../environments.js';
import { ask, type Findings, merge, type Question } from './part.js';
import { collectHistories, type Run } from './histories.js';
import { attributesOf } from './timeline.js';
import { secretsIn } from './secrets.js';

/** For a query: a worker answers it, and there may be none. In milliseconds. */
const answerMs = 10_000;

/** What the Temporal server knows of an environment. */
export interface KnownEnvironment {
  readonly environment: string | undefined;
  readonly spec: EnvironmentSpec | undefined;
  readonly progress: Progress | undefined;
  readonly findings: Findings;
}

/**
 * Asks the Temporal server, which is not started for it.
 * @throws TracewrightError `temporal.*`, `config.invalid` when it cannot be asked
 */
export async function askTemporal(
  config: Config,
  name: string | undefined,
): Promise<KnownEnvironment & { readonly names: readonly string[] }> {
  return withClient(config, async (client) => {
    const names = (await listEnvironments(client)).map((it) => it.name);
    const environment = name ?? (names.length === 1 ? names[0] : undefined);
    if (environment === undefined)
      return { names, environment, spec: undefined, progress: undefined, findings: nothing };
    return { names, ...(await askEnvironment(client, environment)) };
  });
}

const nothing: Findings = { files: [], missing: [], secrets: [] };

async function askEnvironment(client: Client, environment: string): Promise<KnownEnvironment> {
  const handle = client.workflow.getHandle(environmentWorkflowId(environment));
  let spec: EnvironmentSpec | undefined;
  let progress: Progress | undefined;
  const questions: Question[] = [
    {
      what: 'the progress',
      limitMs: answerMs,
      put: async () => {
        progress = await handle.query<Progress>('progress');
        const what = 'what `tracewright status --json` prints: each step, its failure, the proof';
        return { files: [{ path: 'environment/progress.json', what, content: progress }] };
      },
    },
    {
      what: 'what the environment is to be now',
      limitMs: answerMs,
      put: async () => {
        spec = await handle.query<EnvironmentSpec>('spec');
        return {};
      },
    },
  ];
  const [{ findings, latest }, ...answers] = await Promise.all([
    collectHistories(client, handle.workflowId),
    ...questions.map((question) => ask(client, question)),
  ]);
  const known = spec ?? (latest && startedWith(latest));
  return { environment, spec: known, progress, findings: withPlan(merge([...answers, findings]), known) };
}

/** Of the present run: what it was begun with, when nobody answers what it has become since. */
function startedWith({ events: [first] }: Run): EnvironmentSpec | undefined {
  const input = first && (attributesOf(first)['input'] as { payloads?: unknown[] } | undefined);
  return (input?.payloads?.[0] as { spec?: EnvironmentSpec } | undefined)?.spec;
}

function withPlan(found: Findings, spec: EnvironmentSpec | undefined): Findings {
  if (!spec) return found;
  const secrets = [...found.secrets, ...secretsIn(spec)];
  try {
    const content = { plan: planOf(spec.stack), spec };
    const what = 'the steps in their order, and the stack with everything resolved';
    return { ...found, secrets, files: [{ path: 'environment/plan.json', what, content }, ...found.files] };
  } catch (error) {
    const missing = [...found.missing, { what: 'the plan', why: toFailure(error).message }];
    return { ...found, secrets, missing };
  }
}
