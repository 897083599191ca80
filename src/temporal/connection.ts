import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import { profileName, setVariables } from './profile.js';

type LoadedOptions = ReturnType<typeof loadClientConnectConfig>['connectionOptions'];

/**
 * What the client's `Connection` and the worker's `NativeConnection` both need. May hold secrets: never log it whole.
 */
export interface ConnectionSettings {
  /** `host:port`. */
  readonly address: string;
  readonly namespace: string;
  readonly options: Readonly<Pick<LoadedOptions, 'tls' | 'apiKey' | 'metadata'>>;
  /** For messages, with the article: where the address comes from. */
  readonly origin: string;
  /** The server is ours, started for this state folder. */
  readonly embedded: boolean;
}

/** An address of one's own, or the embedded server of the state folder. */
export type ResolvedConnection =
  { readonly kind: 'external'; readonly settings: ConnectionSettings } | { readonly kind: 'embedded' };

const defaultNamespace = 'default';

/** A name, an IPv4 address, or an IPv6 one in brackets; the port may be left out. */
const hostAndPort = /^(?:\[[0-9a-f:.]+\]|[^\s:/[\]]+)(?::\d{1,5})?$/iu;

/**
 * Finds out which Temporal server is meant: the one that TEMPORAL_ADDRESS or a profile of Temporal's own configuration
 * file names (TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE; TLS, mTLS and API keys as Temporal's documentation says), else
 * the embedded one. Connects to nothing.
 * @throws TracewrightError `config.invalid` for a profile that does not exist or names no address, or files that cannot
 * be read
 */
export function resolveConnection(config: Pick<Config, 'environment'>): ResolvedConnection {
  const { environment } = config;
  const profile = environment['TEMPORAL_PROFILE'];
  const { connectionOptions, namespace } = loadSettings(environment);
  const { address, tls, apiKey, metadata } = connectionOptions;
  if (address === undefined || address === '') {
    if (profile === undefined || profile === '') return { kind: 'embedded' };
    throw invalid(`The Temporal profile "${profile}" names no address.`);
  }
  if (!hostAndPort.test(address))
    throw invalid(`"${address}" is not the address of a Temporal server: it must be host:port.`);
  const fromProfile = `the Temporal profile "${profileName(environment)}"`;
  const settings: ConnectionSettings = {
    address,
    namespace: namespace ?? defaultNamespace,
    options: {
      ...(tls !== undefined && { tls }),
      ...(apiKey !== undefined && { apiKey }),
      ...(metadata && { metadata }),
    },
    origin: environment['TEMPORAL_ADDRESS'] === address ? 'the variable TEMPORAL_ADDRESS' : fromProfile,
    embedded: false,
  };
  return { kind: 'external', settings };
}

/** The settings for the embedded server that listens on `address`. */
export function embeddedSettings(address: string): ConnectionSettings {
  return { address, namespace: defaultNamespace, options: {}, origin: 'the embedded server', embedded: true };
}

/** As `Connection.connect` and `NativeConnection.connect` take it. */
export function connectionOptions({
  address,
  options,
}: ConnectionSettings): Pick<LoadedOptions, 'address' | 'tls' | 'apiKey' | 'metadata'> {
  return { address, ...options };
}

function loadSettings(environment: Config['environment']): ReturnType<typeof loadClientConnectConfig> {
  const file = environment['TEMPORAL_CONFIG_FILE'];
  // The library takes a file that is not there for an empty one, and we would end at the wrong server.
  if (file && !existsSync(file)) throw invalid(`TEMPORAL_CONFIG_FILE names ${file}, which does not exist.`);
  try {
    return loadClientConnectConfig({ overrideEnvVars: setVariables(environment) });
  } catch (error) {
    throw invalid(`Temporal's configuration cannot be used: ${firstLine(error)}.`, error);
  }
}

/** The parser of TOML shows the lines around its error, and an API key may stand in them. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = error instanceof Error && 'line' in error ? ` in line ${String(error.line)}` : '';
  return `${text.split('\n')[0]?.replace(/\.$/u, '') ?? text}${line}`;
}

function invalid(message: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'config.invalid',
    message,
    remedy:
      'Correct the TEMPORAL_* variables or the profile (`temporal config list` shows it), or unset them for the embedded server.',
    cause,
  });
}
