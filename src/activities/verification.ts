import { Context } from '@temporalio/activity';
import type { Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import type { ClusterRef } from '../domain/progress.js';
import type { Proof } from '../domain/proof.js';
import type { ToolCall } from '../domain/step-attempt.js';
import type {
  InstallTraceOutcome,
  InstallTraceTask,
  VerificationOutcome,
  VerificationTask,
} from '../domain/step-tasks.js';
import { proofMs } from '../domain/time-limits.js';
import { latestInstall } from '../install-trace/read.js';
import { installSpans } from '../install-trace/spans.js';
import { sendSpans } from '../proof/root-span.js';
import { proveStack } from '../proof/verify.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { sharedSignal } from '../tools/shared-signal.js';
import { type OpenTarget, wakeCluster } from './cluster.js';
import { asActivity } from './step-context.js';
import { withToolsOf } from './tool-step.js';

/** Connections to clusters; each caller closes its own. */
export type ConnectKubernetes = (cluster: ClusterRef) => Kubernetes;

export interface VerificationActivities {
  proveStack(task: VerificationTask): Promise<VerificationOutcome>;
  /** Sends the trace of the install that runs to the collector that it has made. */
  sendInstallTrace(task: InstallTraceTask): Promise<InstallTraceOutcome>;
}

export function verificationActivities(
  config: Pick<Config, 'stateDir'>,
  connect: ConnectKubernetes,
  openTarget: OpenTarget,
): VerificationActivities {
  return {
    proveStack: withToolsOf(config, async (task: VerificationTask, { report, signal, owner, note }) => {
      await wakeCluster(openTarget, task, { report, signal, owner });
      const kube = connect(task.cluster);
      const limit = AbortSignal.timeout(proofMs);
      try {
        const proof = await proveStack({
          kube,
          cluster: kube,
          spec: task.proof,
          ...(task.manifests && { manifests: Object.values(task.manifests) }),
          ...(task.releases && { releases: task.releases }),
          stackName: task.stack,
          onProgress: (text, hops) => {
            report(text, undefined, hops);
          },
          signal: sharedSignal(signal, limit),
        });
        hopCalls(proof).forEach(note);
        const services = Object.keys(proof.services).length;
        return { proof, outcome: `proved: ${String(proof.spans)} spans of ${String(services)} services` };
      } catch (error) {
        throw limit.aborted && !signal.aborted ? tooLong(error) : error;
      } finally {
        kube.close();
      }
    }),

    sendInstallTrace: asActivity(
      async ({ environment, cluster, collector }: InstallTraceTask, { signal }) => {
        const { client, info } = Context.current();
        const run = await latestInstall(client, environment, info.workflowExecution?.runId);
        if (!run) throw new Error(`The history of ${environment} has no install.`);
        const { traceId } = run;
        const kube = connect(cluster);
        try {
          await sendSpans(kube, collector, { traceId, spans: installSpans(run, Date.now()) }, signal);
          return { traceId };
        } finally {
          kube.close();
        }
      },
    ),
  };
}

/** The hops are looked at together, once the ride is over. */
function hopCalls({ startedAt, ride, checks }: Proof): ToolCall[] {
  const start = Date.parse(startedAt);
  return checks
    .filter(({ state }) => state !== 'skipped')
    .map(({ name, tookMs }) => {
      const from = name === 'ride' ? start : start + ride.durationMs;
      return { tool: 'proof', name, startedAt: from, endedAt: from + tookMs };
    });
}

function tooLong(cause: unknown): TracewrightError {
  return new TracewrightError({
    type: 'step.timeout',
    message: `The proof did not end within ${String(proofMs / 60_000)} minutes.`,
    remedy: 'Look at what it waited for with `tracewright status`, then retry.',
    cause,
  });
}
