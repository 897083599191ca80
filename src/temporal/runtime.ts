import type { Logger as SdkLogger, LogLevel, LogMetadata, RuntimeOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { TracewrightError } from '../domain/failure.js';
import { metricsOff, parseMetricsAddress } from '../metrics-address.js';
import { portHolder } from '../tools/listening.js';
import { redact } from '../tools/redact.js';
import { whyStillNotBindable } from './ports.js';

/** Lets the Temporal SDK log through pino, with secrets removed. */
export function sdkLogger(log: Logger): SdkLogger {
  const at = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => {
    return (message: string, meta?: LogMetadata): void => {
      log[level](redactMeta(meta), redact(message));
    };
  };
  const sinks = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  return {
    ...sinks,
    log: (level: LogLevel, message: string, meta?: LogMetadata) => {
      sinks[level.toLowerCase() as Lowercase<LogLevel>](message, meta);
    },
  };
}

function redactMeta(meta: LogMetadata | undefined): Record<string, unknown> {
  const { sdkComponent: _sdkComponent, error, ...rest } = meta ?? {};
  const safe = Object.entries(rest).map(
    ([key, value]) => [key, typeof value === 'string' ? redact(value) : value] as const,
  );
  const reason = error instanceof Error ? { error: redact(error.stack ?? error.message) } : {};
  return { ...Object.fromEntries(safe), ...reason };
}

/**
 * Lets the Temporal SDK serve its metrics for Prometheus, with the names that Prometheus asks for: seconds, and the
 * unit and `_total` at the end. @param address as the configuration has it
 */
export function metricsOptions(address: string | undefined): Pick<RuntimeOptions, 'telemetryOptions'> {
  if (address === undefined || address === metricsOff) return {};
  const conventions = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };
  return { telemetryOptions: { metrics: { prometheus: { bindAddress: address, ...conventions } } } };
}

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
