import { ApplicationFailure, TimeoutFailure, type LoadedDataConverter } from '@temporalio/common';
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { searchAttributes } from '../domain/names.js';
import type { Phase } from '../domain/progress.js';
import { carriesAttempts, type StepAttempt } from '../domain/step-attempt.js';

/** One run of the plan that installs, as the history of its workflow tells. Times are milliseconds since the epoch. */
export interface InstallRun {
  readonly kind: 'install' | 'upgrade';
  /** 32 hexadecimal digits, of the run of the workflow and the place of this one in its history. */
  readonly traceId: string;
  /** The number of the event with which it begins. */
  readonly eventId: number;
  readonly environment: string;
  readonly stack: string;
  readonly target: string;
  readonly startedAt: number;
  /** Absent while it runs. */
  endedAt?: number;
  /** How it ended. */
  end?: Phase;
  readonly activities: ActivityRun[];
  /** When it waited for a slot of its machine. */
  readonly queues: { readonly eventId: number; readonly startedAt: number; endedAt?: number }[];
}

/** One activity of a step; a step that was retried by decision has several. */
export interface ActivityRun {
  readonly eventId: number;
  readonly step: string;
  readonly title: string;
  readonly scheduledAt: number;
  /** Of the last attempt; `undefined` while the history does not have it. */
  startedAt?: number;
  endedAt?: number;
  state: 'running' | 'completed' | 'failed' | 'timed-out' | 'cancelled';
  /** The number of the last attempt. */
  attempt: number;
  /** What it has told of its attempts; empty where it was a version that told nothing, or died without a word. */
  attempts: readonly StepAttempt[];
  /** Why the attempt before the last failed. */
  lastFailure?: string;
  failure?: string;
  outcome?: string;
}

type Event = NonNullable<History['events']>[number];
type Payloads = Parameters<typeof decodeArrayFromPayloads>[1];
type Failure = Parameters<typeof decodeOptionalFailureToOptionalError>[1];

/** Sends the trace of a run: it ends with what it can tell. */
export const sendActivity = 'sendInstallTrace';

/** Reads the runs of the plan that installed something, the latest last. */
export async function installRuns(
  { events }: History,
  converter: LoadedDataConverter,
): Promise<readonly InstallRun[]> {
  const reader = new HistoryReader(converter);
  for (const event of events ?? []) await reader.read(event);
  return reader.runs;
}

/** The run that the first one continues with an empty history; `undefined` where there is none. */
export function continuedRunId({ events }: History): string | undefined {
  const id = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  return id === null || id === '' ? undefined : id;
}

class HistoryReader {
  readonly runs: InstallRun[] = [];
  private readonly converter: LoadedDataConverter;
  private readonly activities = new Map<number, ActivityRun>();
  private runId = '';
  private startedAt: number | undefined;
  private phase: Phase | undefined;
  private current: InstallRun | undefined;

  constructor(converter: LoadedDataConverter) {
    this.converter = converter;
  }

  async read(event: Event): Promise<void> {
    const at = millisecondsOf(event.eventTime);
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) {
      this.runId = started.originalExecutionRunId ?? '';
      if (!started.continuedExecutionRunId) this.startedAt = at;
    }
    const attributes = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields;
    // A patch is an attribute of its own.
    if (attributes && searchAttributes.phase in attributes)
      this.enter(event, at, attributeReader(attributes));
    if (event.activityTaskScheduledEventAttributes) await this.scheduled(event, at);
    await this.closed(event, at);
  }

  /** The phases tell where a run of the plan begins and ends: after a wait it goes on. */
  private enter(event: Event, at: number, attribute: (name: string) => string): void {
    const before = this.phase;
    this.phase = attribute(searchAttributes.phase) as Phase;
    if (this.phase === 'Provisioning' || this.phase === 'Upgrading') {
      if (this.current && (before === 'Blocked' || before === 'Queued')) {
        const queue = this.current.queues.at(-1);
        if (before === 'Queued' && queue) queue.endedAt = at;
        return;
      }
      const eventId = Number(event.eventId);
      this.current = {
        kind: this.phase === 'Provisioning' ? 'install' : 'upgrade',
        traceId: traceIdOf(this.runId, eventId),
        eventId,
        environment: attribute(searchAttributes.environment),
        stack: attribute(searchAttributes.stack),
        target: attribute(searchAttributes.target),
        startedAt: this.startedAt ?? at,
        activities: [],
        queues: [],
      };
      this.startedAt = undefined;
      this.runs.push(this.current);
    } else if (this.phase === 'Queued') {
      this.current?.queues.push({ eventId: Number(event.eventId), startedAt: at });
    } else if (this.phase !== 'Blocked' && this.current) {
      this.current.endedAt ??= at;
      this.current.end = this.phase;
      this.current = undefined;
    }
  }

  private async scheduled(event: Event, at: number): Promise<void> {
    const { activityId, activityType } = event.activityTaskScheduledEventAttributes ?? {};
    if (!this.current) return;
    if (activityType?.name === sendActivity) {
      this.current.endedAt = at;
      return;
    }
    const [summary] = await this.decoded(event.userMetadata?.summary ? [event.userMetadata.summary] : []);
    const step = /^\d+$/u.test(activityId ?? '') ? (activityType?.name ?? '') : (activityId ?? '');
    const run: ActivityRun = {
      eventId: Number(event.eventId),
      step,
      title: typeof summary === 'string' ? summary : step,
      scheduledAt: at,
      state: 'running',
      attempt: 1,
      attempts: [],
    };
    this.activities.set(run.eventId, run);
    this.current.activities.push(run);
  }

  private async closed(event: Event, at: number): Promise<void> {
    const {
      activityTaskStartedEventAttributes: started,
      activityTaskCompletedEventAttributes: completed,
      activityTaskFailedEventAttributes: failed,
      activityTaskTimedOutEventAttributes: timedOut,
      activityTaskCanceledEventAttributes: cancelled,
    } = event;
    const attributes = started ?? completed ?? failed ?? timedOut ?? cancelled;
    const run = this.activities.get(Number(attributes?.scheduledEventId));
    if (!run) return;
    if (started) {
      run.startedAt = at;
      run.attempt = started.attempt ?? 1;
      const last = await this.error(started.lastFailure);
      if (last) run.lastFailure = textOf(last);
      return;
    }
    run.endedAt = at;
    run.state = completed ? 'completed' : failed ? 'failed' : timedOut ? 'timed-out' : 'cancelled';
    const error = await this.error(failed?.failure ?? timedOut?.failure);
    if (error) run.failure = textOf(error);
    const values = [
      ...(await this.decoded(completed?.result?.payloads ?? cancelled?.details?.payloads)),
      ...(error instanceof ApplicationFailure ? (error.details ?? []) : []),
      ...(error instanceof TimeoutFailure ? [error.lastHeartbeatDetails] : []),
    ];
    run.attempts = values.find(carriesAttempts)?.attempts ?? [];
    const { outcome } = (values[0] ?? {}) as { readonly outcome?: unknown };
    if (completed && typeof outcome === 'string') run.outcome = outcome;
  }

  private error(failure: Failure): Promise<Error | undefined> {
    return decodeOptionalFailureToOptionalError(this.converter, failure);
  }

  private decoded(payloads: Payloads): Promise<unknown[]> {
    return decodeArrayFromPayloads(this.converter, payloads);
  }
}

/** `release.failed: helm ended with exit code 1.` */
function textOf(error: Error): string {
  return error instanceof ApplicationFailure && error.type
    ? `${error.type}: ${error.message}`
    : error.message;
}

/** Since the epoch, with what is finer as a fraction. Seconds are a Long from a server, and a number from a file. */
function millisecondsOf(time: Event['eventTime']): number {
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;
}

/** Search attributes are JSON, whatever codec encrypts the payloads. */
function attributeReader(
  fields: Readonly<Record<string, { readonly data?: Uint8Array | null }>>,
): (name: string) => string {
  return (name) => {
    const data = fields[name]?.data;
    return data ? String(JSON.parse(Buffer.from(data).toString()) as unknown) : '';
  };
}

/** A run id is a UUID, of as many digits as a trace id; the event tells the runs of the plan apart. */
function traceIdOf(runId: string, eventId: number): string {
  const digits = runId.replaceAll('-', '');
  return (BigInt(`0x${digits === '' ? '0' : digits}`) ^ BigInt(eventId)).toString(16).padStart(32, '0');
}
