import { ApplicationFailure, Context } from '@temporalio/activity';
import type { Activities } from '../../src/activities/index.js';
import { failureTypes, type Failure, type FailureType } from '../../src/domain/failure.js';
import type { Proof } from '../../src/domain/proof.js';
import type { ClusterOutcome, ComponentObservation, ComponentTask } from '../../src/domain/step-tasks.js';

/** What a step does in a test; the default is to succeed at once. */
export type Behaviour = (attempt: number) => Promise<void> | void;

/**
 * Activities whose behaviour a test scripts step by step, for what only scripting shows: orders, failures, moments.
 * The real ones have tests of their own against real tools.
 */
export class ScriptedActivities {
  /** `start tempo`, `end tempo`, `cancel tempo`, `remove cluster`, … in the order of their occurrence. */
  readonly log: string[] = [];
  /** The task queues on which anything ran. */
  readonly queues = new Set<string>();
  private readonly behaviours = new Map<string, Behaviour>();
  private readonly observations = new Map<string, ComponentObservation>();
  private cluster: ClusterOutcome['cluster'] = {
    kind: 'embedded',
    kubeconfigPath: '/none',
    serverUrl: 'https://none',
    version: 'v1',
    owned: true,
  };

  on(step: string, behaviour: Behaviour): this {
    this.behaviours.set(step, behaviour);
    return this;
  }

  /** What a look at a component finds; the default is that all is well. */
  finds(component: string, observation: ComponentObservation): this {
    this.observations.set(component, observation);
    return this;
  }

  /** The cluster is one that was there before, and others live in it. */
  onExistingCluster(): this {
    this.cluster = { ...this.cluster, kind: 'kubeconfig', owned: false };
    return this;
  }

  count(entry: string): number {
    return this.log.filter((it) => it === entry).length;
  }

  readonly activities: Activities = {
    claimHost: () => Promise.resolve({ hostId: 'test-host' }),
    askForSlot: () => Promise.resolve({ granted: true }),
    describeMachine: () => Promise.reject(new Error('No scripted step asks what the machine can do.')),
    createCluster: async () => {
      await this.perform('cluster');
      return { cluster: this.cluster, outcome: 'created' };
    },
    deleteCluster: async () => {
      await this.perform('cluster', 'remove ');
      return { outcome: 'deleted' };
    },
    installRelease: (task) => this.component(task),
    applyManifests: (task) => this.component(task),
    uninstallRelease: (task) => this.component(task, 'remove '),
    deleteManifests: (task) => this.component(task, 'remove '),
    observeComponent: async ({ component }) => {
      await this.perform(component, 'observe ');
      return this.observations.get(component) ?? { state: 'in-sync', detail: '' };
    },
    proveStack: async () => {
      await this.perform('verification');
      return { proof: someProof(), outcome: 'proved' };
    },
    sendInstallTrace: async () => {
      await this.behaviours.get('install-trace')?.(Context.current().info.attempt);
      return { traceId: '5b8aa5a2d2c872e8321cf37308d69df2' };
    },
  };

  private async component({ component }: ComponentTask, prefix = ''): Promise<{ outcome: string }> {
    await this.perform(component, prefix);
    return { outcome: prefix === '' ? 'installed' : 'uninstalled' };
  }

  private async perform(step: string, prefix = ''): Promise<void> {
    this.log.push(`${prefix}start ${step}`);
    this.queues.add(Context.current().info.taskQueue);
    try {
      await this.behaviours.get(prefix + step)?.(Context.current().info.attempt);
    } catch (error) {
      const cancelled = Context.current().cancellationSignal.aborted;
      this.log.push(`${prefix}${cancelled ? 'cancel' : 'fail'} ${step}`);
      throw error;
    }
    this.log.push(`${prefix}end ${step}`);
  }
}

/** Fails as the real activities do. */
export function fail(type: FailureType, message = `${type} in a test`): never {
  const { retryable } = failureTypes[type];
  const failure: Failure = { type, message, remedy: 'Mend it.', retryable };
  throw ApplicationFailure.create({ type, message, nonRetryable: !retryable, details: [failure] });
}

/** Runs until it is cancelled; takes `lingerMs` of real time to end, like a tool that is terminated. */
export async function untilCancelled(lingerMs = 0): Promise<never> {
  const context = Context.current();
  const timer = setInterval(() => {
    context.heartbeat();
  }, 100);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(timer);
    await new Promise((resolve) => setTimeout(resolve, lingerMs));
  }
}

function someProof(): Proof {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    ride: {
      customer: 123,
      customerName: "Rachel's Floral Designs",
      driver: 'T700000C',
      etaSeconds: 120,
      durationMs: 800,
    },
    checks: [],
    spans: 51,
    services: { frontend: 25 },
    traceDurationMs: 800,
    longest: {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      rootService: 'a',
      rootName: 'b',
      durationMs: 800,
      isOurs: true,
    },
    startedAt: '2026-01-01T00:00:00.000Z',
    tookMs: 5_000,
  };
}

/** Work that lasts until it is released: what a test does meanwhile may take as long as it takes. */
export function heldBack(): { readonly work: () => Promise<void>; readonly release: () => void } {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  return { work: () => held, release };
}
