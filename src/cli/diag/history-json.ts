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
 * Reads payloads wherever they stand; those of another encoding than JSON, encrypted ones among them, become a note.
 */
export function decodePayloads(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodePayloads);
  if (!isObject(value)) return value;
  const { metadata, data } = value;
  if (isObject(metadata) && typeof metadata['encoding'] === 'string')
    return decode(fromBase64(metadata['encoding']), typeof data === 'string' ? data : '');
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, decodePayloads(part)]));
}

/** Whatever of the event is not the same for all types. */
export function attributesOf(event: HistoryEvent): Json {
  const [, attributes] = Object.entries(event).find(([key]) => key.endsWith('EventAttributes')) ?? [];
  return isObject(attributes) ? attributes : {};
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decode(encoding: string, data: string): unknown {
  if (encoding === 'binary/null') return null;
  const text = fromBase64(data);
  if (!encoding.startsWith('json/')) return { encoding, bytes: Buffer.from(data, 'base64').length };
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
