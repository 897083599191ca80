import { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Config } from '../../config.js';
import { toFailure } from '../../domain/failure.js';
import { planOf } from '../../domain/plan.js';
import type { EnvironmentSpec, Progress } from '../../domain/progress.js';
import { environmentWorkflowId } from '../../domain/names.js';
import { connectClient } from '../../temporal/client-connection.js';
import { currentConnection } from '../../temporal/current-connection.js';
import { listEnvironments } from '../environments.js';
import { attributesOf, decodePayloads, type HistoryEvent } from './history-json.js';
import { secretsIn } from './known-secrets.js';
import { collectParts, type Findings, type Part } from './part.js';
import { timelineOf } from './timeline.js';

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
  signal: AbortSignal,
): Promise<KnownEnvironment & { readonly names: readonly string[] }> {
  const settings = await currentConnection(config);
  const connection = await connectClient(settings);
  try {
    const client = new Client({ connection, namespace: settings.namespace });
    const names = (await listEnvironments(client)).map((it) => it.name);
    const environment = name ?? (names.length === 1 ? names[0] : undefined);
    if (environment === undefined)
      return { names, environment, spec: undefined, progress: undefined, findings: nothing };
    return { names, ...(await askEnvironment(client, environment, signal)) };
  } finally {
    await connection.close();
  }
}

const nothing: Findings = { files: [], missing: [], secrets: [] };

async function askEnvironment(
  client: Client,
  environment: string,
  signal: AbortSignal,
): Promise<KnownEnvironment> {
  const handle = client.workflow.getHandle(environmentWorkflowId(environment));
  let spec: EnvironmentSpec | undefined;
  let progress: Progress | undefined;
  let begun: EnvironmentSpec | undefined;
  const parts: Part[] = [
    {
      what: 'the progress',
      limitMs: answerMs,
      collect: async () => {
        progress = await handle.query<Progress>('progress');
        const what = 'what `tracewright status --json` prints: each step, its failure, the proof';
        return { files: [{ path: 'environment/progress.json', what, content: progress }] };
      },
    },
    {
      what: 'what the environment is to be now',
      limitMs: answerMs,
      collect: async () => {
        spec = await handle.query<EnvironmentSpec>('spec');
        return {};
      },
    },
    {
      what: 'the history of the workflow',
      limitMs: 30_000,
      collect: async () => {
        const json = JSON.parse(historyToJSON(await handle.fetchHistory())) as { events: HistoryEvent[] };
        const events = decodePayloads(json.events) as HistoryEvent[];
        begun = startedWith(events);
        return {
          secrets: secretsIn(events),
          files: [
            {
              path: 'environment/timeline.txt',
              what: 'what happened when: a line for each event of the history',
              content: timelineOf(events),
            },
            {
              path: 'environment/history.json',
              what: 'the history of the workflow, payloads decoded',
              content: { events },
            },
          ],
        };
      },
    },
  ];
  const found = await collectParts(parts, signal);
  const known = spec ?? begun;
  return { environment, spec: known, progress, findings: withPlan(found, known) };
}

/** Of the present run: what it was begun with, when nobody answers what it has become since. */
function startedWith([first]: readonly HistoryEvent[]): EnvironmentSpec | undefined {
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
