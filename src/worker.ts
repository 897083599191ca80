import { hostname } from 'node:os';
import { AsyncCompletionClient, Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';
import { createActivities, type Activities } from './activities/index.js';
import { reportLostAttempts } from './activities/lost-attempts.js';
import { loadConfig, type Config } from './config.js';
import { isTracewrightError, toFailure } from './domain/failure.js';
import { hostTaskQueue, sharedTaskQueue, workerIdentity } from './domain/names.js';
import { encryptingBundlePath, workflowBundlePath } from './temporal/bundle-workflows.js';
import { connectionOptions, serverName } from './temporal/connection.js';
import { hostId } from './temporal/host-id.js';
import { dataConverterFor } from './temporal/payloads/data-converter.js';
import { isServerQuiet, untilIdle } from './temporal/idle-end.js';
import { metricsOptions, metricsUrlOf, requireMetricsPort, sdkLogger } from './temporal/runtime.js';
import { currentConnection, stopServer } from './temporal/server.js';
import { markWorkerReady, retireWorker } from './temporal/worker-process.js';
import { redact } from './tools/redact.js';

/**
 * The composition root of the worker process: configuration → tools → activities → two Workers. The first serves the
 * shared queue (workflows, the question which machine holds a cluster, and the steps on clusters that a kubeconfig file
 * reaches from anywhere), the second the queue of this machine.
 * @returns whether it ended because nobody needs it
 */
async function runWorker(config: Config): Promise<boolean> {
  const log = pino({ level: config.logLevel, base: null });
  const metricsUrl = metricsUrlOf(config.metricsAddress);
  await requireMetricsPort(config.metricsAddress);
  Runtime.install({ logger: sdkLogger(log), ...metricsOptions(config.metricsAddress) });
  const settings = await currentConnection(config);
  const { address, namespace } = settings;
  const connection = await NativeConnection.connect(connectionOptions(settings));
  try {
    const host = await hostId(config.stateDir);
    const activities = createActivities(config, host, serverName(settings));
    const dataConverter = dataConverterFor(config);
    const bundle = config.payloadKeys ? encryptingBundlePath : workflowBundlePath;
    const workers = await createWorkers(host, activities, bundle, {
      ...{ connection, namespace, dataConverter },
      ...(config.workerVersion && {
        workerDeploymentOptions: {
          version: config.workerVersion,
          useWorkerVersioning: true,
          // Workflows live for weeks and fit every newer version (test/replay): what lives goes over to it.
          defaultVersioningBehavior: 'AUTO_UPGRADE',
        },
      }),
    });
    const ended = new AbortController();
    const running = runTogether(...workers).finally(() => {
      ended.abort();
    });
    await markWorkerReady(config);
    const lost = await reportLostAttempts(
      config,
      new AsyncCompletionClient({ connection, namespace, dataConverter }),
    );
    log.info({ host, address, namespace, lost, metrics: metricsUrl }, 'worker is ready');
    const idle = async (): Promise<boolean> => {
      // A worker that was started by hand, or for a server of one's own, is somebody else's to stop.
      if (config.readyFile === undefined || !settings.embedded) return false;
      const client = new Client({ connection, namespace });
      const isIdle = await untilIdle(config, client, { signal: ended.signal });
      if (isIdle) stop(...workers);
      return isIdle;
    };
    const [isIdle] = await Promise.all([idle(), running]);
    log.info(isIdle ? 'worker ended: no environment lives' : 'worker ended');
    return isIdle;
  } finally {
    await connection.close();
  }
}

async function createWorkers(
  host: string,
  activities: Activities,
  bundle: string,
  place: Pick<WorkerOptions, 'connection' | 'namespace' | 'dataConverter' | 'workerDeploymentOptions'>,
): Promise<Worker[]> {
  const common = {
    ...place,
    identity: workerIdentity(host, process.pid, hostname()),
    activities,
    // Cancellation rides on heartbeats: this bounds how long a teardown waits for a running tool to hear of it.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    shutdownGraceTime: '1s',
    shutdownForceTime: '25s',
  } satisfies Partial<WorkerOptions>;
  const shared = await Worker.create({
    ...common,
    taskQueue: sharedTaskQueue,
    workflowBundle: { codePath: bundle },
    // A workflow that a killed worker had in its cache is offered to others after this time.
    stickyQueueScheduleToStartTimeout: '1s',
  });
  return [shared, await Worker.create({ ...common, taskQueue: hostTaskQueue(host) })];
}

/** Nobody waits for the server and this worker any more, unless a command has come meanwhile. */
async function endBoth(config: Config): Promise<void> {
  await retireWorker(config);
  if (await isServerQuiet(config)) await stopServer(config);
}

/** Half a worker is worse than none: when one of the two fails, the other ends, and the failure is told. */
async function runTogether(...workers: readonly Worker[]): Promise<void> {
  const runs = workers.map((worker) =>
    worker.run().catch((error: unknown) => {
      stop(...workers);
      throw error;
    }),
  );
  const failed = (await Promise.allSettled(runs)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

function stop(...workers: readonly Worker[]): void {
  for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
}

try {
  const config = loadConfig();
  if (await runWorker(config)) await endBoth(config);
} catch (error) {
  // Whoever started us shows the last lines of our log: they must say it in words.
  const { message, remedy } = toFailure(error);
  if (error instanceof Error) console.error(redact(error.stack ?? ''));
  console.error(redact(`worker failed: ${message}`));
  if (isTracewrightError(error)) console.error(redact(remedy));
  process.exitCode = 1;
}
