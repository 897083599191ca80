import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';
import { createActivities } from './activities/index.js';
import { loadConfig, type Config } from './config.js';
import { isTracewrightError, toFailure } from './domain/failure.js';
import { hostTaskQueue, sharedTaskQueue } from './domain/names.js';
import { workflowBundlePath } from './temporal/bundle-workflows.js';
import { connectionOptions } from './temporal/connection.js';
import { currentConnection } from './temporal/current-connection.js';
import { hostId } from './temporal/host-id.js';
import { sdkLogger } from './temporal/sdk-logger.js';
import { markWorkerReady } from './temporal/worker-process.js';
import { redact } from './tools/redact.js';

/**
 * The composition root of the worker process: configuration → tools → activities → two Workers. The first serves the
 * shared queue (workflows, the question which machine holds a cluster, and the steps on clusters that a kubeconfig file
 * reaches from anywhere), the second the queue of this machine.
 */
async function runWorker(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel, base: null });
  Runtime.install({ logger: sdkLogger(log) });
  const settings = await currentConnection(config);
  const { address, namespace } = settings;
  const connection = await NativeConnection.connect(connectionOptions(settings));
  try {
    const host = await hostId(config.stateDir);
    const activities = createActivities(config, host);
    const common = {
      connection,
      namespace,
      // Cancellation rides on heartbeats: this bounds how long a teardown waits for a running tool to hear of it.
      maxHeartbeatThrottleInterval: '1s',
      defaultHeartbeatThrottleInterval: '1s',
      shutdownGraceTime: '1s',
      shutdownForceTime: '25s',
    } satisfies Partial<WorkerOptions>;
    const shared = await Worker.create({
      ...common,
      taskQueue: sharedTaskQueue,
      workflowBundle: { codePath: workflowBundlePath },
      activities,
      // A workflow that a killed worker had in its cache is offered to others after this time.
      stickyQueueScheduleToStartTimeout: '1s',
    });
    const local = await Worker.create({ ...common, taskQueue: hostTaskQueue(host), activities });
    const running = runTogether(shared, local);
    await markWorkerReady(config.stateDir);
    log.info({ host, address, namespace }, 'worker is ready');
    await running;
    log.info('worker ended');
  } finally {
    await connection.close();
  }
}

/** Half a worker is worse than none: when one of the two fails, the other ends, and the failure is told. */
async function runTogether(...workers: readonly Worker[]): Promise<void> {
  const runs = workers.map((worker) =>
    worker.run().catch((error: unknown) => {
      for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
      throw error;
    }),
  );
  const failed = (await Promise.allSettled(runs)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

try {
  await runWorker(loadConfig());
} catch (error) {
  // Whoever started us shows the last lines of our log: they must say it in words.
  const { message, remedy } = toFailure(error);
  if (error instanceof Error) console.error(redact(error.stack ?? ''));
  console.error(redact(`worker failed: ${message}`));
  if (isTracewrightError(error)) console.error(redact(remedy));
  process.exitCode = 1;
}
