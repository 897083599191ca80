/** What was last told of something that goes on. */
export interface Told {
  /** What is told, but for what changes with every look. */
  readonly subject: string;
  readonly percent: number | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What keeps changing its text gets a line at most so often, in milliseconds. */
const quietMs = 5_000;
/**
 * With a percentage that moves, the texts change with every package that is compiled: then only every so many points …
 */
const percentStep = 5;
/** … or after so long, in milliseconds. */
const percentQuietMs = 30_000;

/** Whether a log that nobody wants to be long gets another line. */
export function isNews(last: Told | undefined, next: Told): boolean {
  if (!last) return true;
  const quiet = next.at - last.at;
  const isNew = last.subject !== next.subject;
  if (last.percent === undefined || next.percent === undefined)
    return isNew && (quiet >= quietMs || last.percent !== next.percent);
  return isNew || next.percent >= last.percent + percentStep || quiet >= percentQuietMs;
}

/** `building kube` of `building kube: k8s.io/api/core/v1`, `Downloading Helm` of `Downloading Helm: 12 of 37 MB`. */
export function subjectOf(text: string, percent: number | undefined): string {
  return percent === undefined ? text : (text.split(': ', 1)[0] ?? '');
}

/** ` 41 % building kube: …`; the text alone where no percentage is known. */
export function withPercent(text: string, percent: number | undefined): string {
  return percent === undefined ? text : `${String(Math.floor(percent)).padStart(3)} % ${text}`;
}
