import type { RuntimeOptions } from '@temporalio/worker';
import { metricsOff } from '../metrics-address.js';

/**
 * Lets the Temporal SDK serve its metrics for Prometheus, with the names that Prometheus asks for: seconds, and the
 * unit and `_total` at the end. @param address as the configuration has it
 */
export function metricsOptions(address: string | undefined): Pick<RuntimeOptions, 'telemetryOptions'> {
  if (address === undefined || address === metricsOff) return {};
  const conventions = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };
  return { telemetryOptions: { metrics: { prometheus: { bindAddress: address, ...conventions } } } };
}
