import { isApiError } from '../../tools/kubernetes/api-error.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import type { ObjectList } from '../../tools/kubernetes/objects.js';
import type { HttpAnswer } from '../cluster-access.js';
import { clockToleranceMs } from '../run.js';

/** `undefined`: it could not be found out. */
export type Found<T> = T | 'absent' | undefined;

/**
 * Reads for a diagnosis. Nothing here throws: what cannot be had is no reason to lose the failure that is looked into.
 */
export interface Reader {
  object<T>(path: string): Promise<Found<T>>;
  list<T>(path: string, query?: Readonly<Record<string, string>>): Promise<readonly T[] | undefined>;
  /** Any answer, whatever its status. */
  answer(path: string): Promise<HttpAnswer | undefined>;
  /** The body of any answer of status 200. */
  text(path: string, query?: Readonly<Record<string, string | number>>): Promise<string | undefined>;
}

/** For one answer, in milliseconds. */
const answerMs = 5_000;

/** @param signal ends all reading: from then on everything is unknown */
export function createReader(kube: Pick<Kubernetes, 'json' | 'send'>, signal: AbortSignal): Reader {
  const get = async <T>(path: string, query?: Readonly<Record<string, string>>): Promise<Found<T>> => {
    try {
      return await kube.json<T>({ path, query, timeoutMs: answerMs, signal });
    } catch (error) {
      return isApiError(error, 404) ? 'absent' : undefined;
    }
  };
  return {
    object: get,
    async list<T>(path: string, query?: Readonly<Record<string, string>>) {
      const found = await get<ObjectList<T>>(path, query);
      return found === 'absent' ? [] : (found?.items ?? undefined);
    },
    answer: (path) => unlessUnknown(() => kube.send({ path, timeoutMs: answerMs, signal })),
    async text(path, query) {
      const answer = await kube.send({ path, query, timeoutMs: answerMs, signal }).catch(() => undefined);
      return answer?.status === 200 ? answer.body : undefined;
    },
  };
}

/** What `look` finds, or `undefined` when it fails in a way that is expected of a broken stack. */
export async function unlessUnknown<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch {
    return undefined;
  }
}

/** A clock that is read off a header, and log times in whole seconds, are not more exact than this, in milliseconds. */
const inexactMs = 1_500;

/**
 * From when on logs are about the ride and not about an earlier one, by the cluster's clock, as `sinceTime` of the log
 * API. Where that clock cannot be read, early enough for any.
 * @returns undefined when there was no ride
 */
export async function logsSince(
  read: Reader,
  ride: { readonly startMs: number } | undefined,
): Promise<string | undefined> {
  if (!ride) return undefined;
  const aheadMs = await clockAheadMs(read);
  const sinceMs =
    aheadMs === undefined ? ride.startMs - clockToleranceMs : ride.startMs + aheadMs - inexactMs;
  return new Date(sinceMs).toISOString();
}

/** How far the API server's clock is before ours; it tells whole seconds, so this is good to half of one. */
async function clockAheadMs(read: Reader): Promise<number | undefined> {
  const asked = Date.now();
  const { date = '' } = (await read.answer('/version'))?.headers ?? {};
  const theirs = Date.parse(date);
  return Number.isNaN(theirs) ? undefined : theirs + 500 - (asked + Date.now()) / 2;
}
