import { TracewrightError } from '../domain/failure.js';
import { metricsOff, parseMetricsAddress } from '../metrics-address.js';
import { portHolder } from '../tools/port-holder.js';
import { whyStillNotBindable } from './ports.js';

/** Where a worker with this address serves its metrics; `undefined` where it serves none. */
export function metricsUrlOf(address: string | undefined): string | undefined {
  return address === undefined || address === metricsOff ? undefined : `http://${address}/metrics`;
}

/**
 * Makes sure that a worker could serve its metrics there.
 * @param address as the configuration has it
 * @throws TracewrightError `port.taken` with who has it, `config.invalid` for an address that this machine does not
 * have
 */
export async function requireMetricsPort(address: string | undefined): Promise<void> {
  const wanted = address === undefined ? undefined : parseMetricsAddress(address);
  if (address === undefined || !wanted) return;
  const why = await whyStillNotBindable(wanted);
  if (why === undefined) return;
  const remedy = 'Choose another address in TRACEWRIGHT_METRICS_ADDRESS, or set it to off.';
  if (why !== 'EADDRINUSE')
    throw new TracewrightError({
      type: 'config.invalid',
      message: `The worker cannot serve its metrics on ${address}, as TRACEWRIGHT_METRICS_ADDRESS says: ${reasons[why] ?? why}.`,
      remedy,
    });
  const holder = await portHolder(wanted.port);
  throw new TracewrightError({
    type: 'port.taken',
    message: `The worker cannot serve its metrics on ${address}: ${holder ?? 'another program'} listens there.`,
    remedy: `End it, or: ${remedy}`,
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'ports below 1024 are for root alone',
};
