import type { Payload } from '@temporalio/common';

/** An event of a workflow's history in Temporal's own JSON, with payloads decoded. */
export interface HistoryEvent {
  readonly eventId: string;
  /** ISO 8601. */
  readonly eventTime: string;
  /** `EVENT_TYPE_ACTIVITY_TASK_SCHEDULED`. */
  readonly eventType: string;
  /** The attributes lie in a field that is named after the type. */
  readonly [field: string]: unknown;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads payloads wherever they stand; those of another encoding than JSON, and those that cannot be decrypted, become a
 * note. Failures whose texts stand in a payload get them back.
 */
export async function decodePayloads(
  value: unknown,
  decrypt: (payload: Payload) => Promise<Payload>,
): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((part) => decodePayloads(part, decrypt)));
  if (!isObject(value)) return value;
  const { metadata, data } = value;
  if (isObject(metadata) && typeof metadata['encoding'] === 'string') {
    const payload = { metadata: fromBase64Of(metadata), data: bytesOf(data) };
    return decode(await decrypt(payload).catch(() => payload));
  }
  const parts = Object.entries(value).map(
    async ([key, part]) => [key, await decodePayloads(part, decrypt)] as const,
  );
  const { encodedAttributes, ...decoded } = Object.fromEntries(await Promise.all(parts));
  if (!isObject(encodedAttributes))
    return encodedAttributes === undefined ? decoded : { ...decoded, encodedAttributes };
  return { ...decoded, message: encodedAttributes['message'], stackTrace: encodedAttributes['stack_trace'] };
}

/** Whatever of the event is not the same for all types. */
export function attributesOf(event: HistoryEvent): Json {
  const [, attributes] = Object.entries(event).find(([key]) => key.endsWith('EventAttributes')) ?? [];
  return isObject(attributes) ? attributes : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decode({ metadata, data }: Payload): unknown {
  const encoding = Buffer.from(metadata?.['encoding'] ?? []).toString('utf8');
  if (encoding === 'binary/null') return null;
  if (!encoding.startsWith('json/')) return { encoding, bytes: data?.length ?? 0 };
  const text = Buffer.from(data ?? []).toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function fromBase64Of(metadata: Json): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, bytesOf(value)]));
}

function bytesOf(base64: unknown): Buffer {
  return Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
}

/** The workflow's own bookkeeping: of interest to nobody who asks what happened. */
const bookkeeping = /^(?:WORKFLOW_TASK|UPSERT_|WORKFLOW_PROPERTIES|MARKER)/u;

/** A history, and the file that holds it whole. */
interface Chapter {
  readonly path: string;
  readonly events: readonly HistoryEvent[];
}

/**
 * One line for each event that did something: time, seconds since the beginning, number, what, why. Of several runs,
 * each begins with a line that names its file.
 * @param runs the oldest first
 */
export function timelineOf(runs: readonly Chapter[]): string {
  const begin = Date.parse(runs[0]?.events[0]?.eventTime ?? '');
  const chapters = runs.map(({ path, events }) => {
    const heading = runs.length > 1 ? `# ${path}\n` : '';
    return heading + linesOf(events, begin);
  });
  return chapters.join('');
}

/** @param begin of the first run; in milliseconds since the epoch */
function linesOf(events: readonly HistoryEvent[], begin: number): string {
  const activities = new Map<string, string>();
  for (const event of events) {
    const { activityType, input } = attributesOf(event);
    if (isObject(activityType))
      activities.set(event.eventId, [activityType['name'], subjectOf(input)].filter(isText).join(' '));
  }
  return events
    .filter(({ eventType }) => !bookkeeping.test(typeOf(eventType)))
    .map((event) => {
      const { eventTime, eventId, eventType } = event;
      const after = ((Date.parse(eventTime) - begin) / 1_000).toFixed(1).padStart(9);
      const what = typeOf(eventType).toLowerCase().replaceAll('_', ' ');
      return `${eventTime} ${after} s ${eventId.padStart(5)}  ${what}${detailOf(event, activities)}\n`;
    })
    .join('');
}

function typeOf(eventType: string): string {
  return eventType.replace(/^EVENT_TYPE_(?:ACTIVITY_TASK_(?=\w))?/u, (all) =>
    all.endsWith('TASK_') ? 'ACTIVITY_' : '',
  );
}

function detailOf(event: HistoryEvent, activities: ReadonlyMap<string, string>): string {
  const attributes = attributesOf(event);
  const { scheduledEventId, signalName, timerId, attempt, startToFireTimeout } = attributes;
  const activity = activities.get(isText(scheduledEventId) ? scheduledEventId : event.eventId);
  const update = inside(attributes, 'acceptedRequest', 'input', 'name');
  const parts = [
    activity,
    signalName,
    update,
    isText(timerId) ? `timer ${timerId}` : undefined,
    startToFireTimeout,
    typeof attempt === 'number' && attempt > 1 ? `attempt ${String(attempt)}` : undefined,
  ].filter(isText);
  const why = failureText(attributes['failure'] ?? attributes['lastFailure']);
  return `${parts.length > 0 ? `  ${parts.join(', ')}` : ''}${why === undefined ? '' : `: ${why}`}`;
}

/** The first argument tells which component or environment an activity is about. */
function subjectOf(input: unknown): unknown {
  const payloads =
    isObject(input) && Array.isArray(input['payloads']) ? (input['payloads'] as unknown[]) : [];
  const [first] = payloads;
  return isObject(first) ? (first['component'] ?? first['environment']) : undefined;
}

/** The innermost cause: what lies around it says only that an activity failed. */
function failureText(failure: unknown): string | undefined {
  if (!isObject(failure)) return undefined;
  const type = inside(failure, 'applicationFailureInfo', 'type');
  const own = isText(failure['message']) ? failure['message'] : '';
  return failureText(failure['cause']) ?? `${isText(type) ? `[${type}] ` : ''}${own.split('\n')[0] ?? ''}`;
}

function inside(value: Json, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
