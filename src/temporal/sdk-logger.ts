import type { Logger as SdkLogger, LogLevel, LogMetadata } from '@temporalio/worker';
import type { Logger } from 'pino';
import { redact } from '../tools/redact.js';

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
