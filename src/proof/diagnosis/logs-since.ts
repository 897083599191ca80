import { clockToleranceMs } from '../run.js';
import type { FactsRequest } from './facts-request.js';
import type { Reader } from './reader.js';

/** A clock that is read off a header, and log times in whole seconds, are not more exact than this, in milliseconds. */
const inexactMs = 1_500;

/**
 * From when on logs are about the ride and not about an earlier one, by the cluster's clock, as `sinceTime` of the log
 * API. Where that clock cannot be read, early enough for any.
 * @returns undefined when there was no ride
 */
export async function logsSince(read: Reader, ride: FactsRequest['ride']): Promise<string | undefined> {
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
