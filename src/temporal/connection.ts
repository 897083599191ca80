import { toClientOptions } from '@temporalio/envconfig';
import type { Config } from '../config.js';
import { firstLine, invalidConnection, loadProfile, profileName, type Profile } from './profile.js';

type LoadedOptions = ReturnType<typeof toClientOptions>['connectionOptions'];

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

/** Its address does not count: it may be another one tomorrow. */
export const embeddedServer = 'embedded';

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
export function resolveConnection({ environment }: Pick<Config, 'environment'>): ResolvedConnection {
  const profile = loadProfile(environment);
  const { address, namespace } = profile;
  if (!address) {
    if (!environment['TEMPORAL_PROFILE']) return { kind: 'embedded' };
    throw invalidConnection(`The Temporal profile "${profileName(environment)}" names no address.`);
  }
  if (!hostAndPort.test(address) || !URL.canParse(`tcp://${address}`))
    throw invalidConnection(`"${address}" is not the address of a Temporal server: it must be host:port.`);
  const { tls, apiKey, metadata } = optionsOf(profile, address);
  const settings: ConnectionSettings = {
    address,
    namespace: namespace ?? defaultNamespace,
    options: {
      ...(tls !== undefined && { tls }),
      ...(apiKey !== undefined && { apiKey }),
      ...(metadata && { metadata }),
    },
    origin:
      environment['TEMPORAL_ADDRESS'] === address
        ? 'the variable TEMPORAL_ADDRESS'
        : `the Temporal profile "${profileName(environment)}"`,
    embedded: false,
  };
  return { kind: 'external', settings };
}

function optionsOf(profile: Profile, address: string): LoadedOptions {
  const { tls, apiKey } = profile;
  if ((tls?.clientCert === undefined) !== (tls?.clientKey === undefined))
    throw invalidConnection(
      `The connection to ${address} has ${tls?.clientCert ? 'a client certificate without its key' : 'the key of a client certificate without the certificate'}.`,
    );
  if (apiKey !== undefined && tls?.disabled && !isLoopback(address))
    throw invalidConnection(`TLS is switched off, and the API key would go to ${address} in clear text.`);
  try {
    return toClientOptions(profile).connectionOptions;
  } catch (error) {
    throw invalidConnection(`Temporal's configuration cannot be used: ${firstLine(error)}.`, error);
  }
}

/** Whether the address is one of this machine, where no proxy stands between. */
export function isLoopback(address: string): boolean {
  return /^(?:127\.|localhost(?::|$)|\[::1\])/u.test(address);
}

/** The settings for the embedded server that listens on `address`. */
export function embeddedSettings(address: string): ConnectionSettings {
  return { address, namespace: defaultNamespace, options: {}, origin: 'the embedded server', embedded: true };
}

/** What tells one server from another: its address and namespace, or `embedded` for that of the state folder. */
export function serverName(connection: ResolvedConnection | ConnectionSettings): string {
  const settings = 'kind' in connection ? 'settings' in connection && connection.settings : connection;
  return !settings || settings.embedded ? embeddedServer : `${settings.address} ${settings.namespace}`;
}

/** As `Connection.connect` and `NativeConnection.connect` take it. */
export function connectionOptions({
  address,
  options,
}: ConnectionSettings): Pick<LoadedOptions, 'address' | 'tls' | 'apiKey' | 'metadata'> {
  return { address, ...options };
}
