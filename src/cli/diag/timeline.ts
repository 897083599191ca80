import { attributesOf, isObject, type HistoryEvent } from './history-json.js';

type Json = Readonly<Record<string, unknown>>;

/** The workflow's own bookkeeping: of interest to nobody who asks what happened. */
const bookkeeping = /^(?:WORKFLOW_TASK|UPSERT_|WORKFLOW_PROPERTIES|MARKER)/u;

/** A history, and the file that holds it whole. */
export interface Chapter {
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
