import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  loadClientConfig,
  loadClientConfigProfile,
  type ClientConfigProfile,
  type ConfigDataSource,
} from '@temporalio/envconfig';
import type { Config } from '../config.js';
import { didYouMean } from '../domain/did-you-mean.js';
import { TracewrightError } from '../domain/failure.js';

/** A connection as Temporal's configuration describes it; all paths are absolute. Holds secrets. */
export type Profile = ClientConfigProfile;

type Environment = Config['environment'];

const fileVariable = 'TEMPORAL_CONFIG_FILE';
const certificates = {
  clientCert: 'TEMPORAL_TLS_CLIENT_CERT_PATH',
  clientKey: 'TEMPORAL_TLS_CLIENT_KEY_PATH',
  serverCACert: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
} as const;
const pathVariables: readonly string[] = [fileVariable, ...Object.values(certificates)];
const switches: readonly string[] = ['TEMPORAL_TLS', 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'];
const headerPrefix = 'TEMPORAL_GRPC_META_';

/** The profile that counts: TEMPORAL_PROFILE. */
export function profileName(environment: Environment): string {
  return environment['TEMPORAL_PROFILE'] || 'default';
}

/** The configuration file that counts, absolute: TEMPORAL_CONFIG_FILE, else where Temporal's tools put it on Linux. */
export function profileFile(environment: Environment): string {
  const { XDG_CONFIG_HOME, HOME = '' } = environment;
  const named = environment[fileVariable];
  return named
    ? resolve(named)
    : join(XDG_CONFIG_HOME || join(HOME, '.config'), 'temporalio', 'temporal.toml');
}

/**
 * The variables that are set, as Temporal's library takes them. It knows `true` and `1` alone for true, and takes an
 * empty variable for one that is set; shells, .env files and CI jobs are less exact.
 * @throws TracewrightError `config.invalid` for a switch that is neither true nor false
 */
export function temporalVariables(environment: Environment): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || (value.trim() === '' && name.startsWith('TEMPORAL_'))) continue;
    if (pathVariables.includes(name)) variables[name] = resolve(value);
    else variables[name] = switches.includes(name) ? switchValue(name, value) : value;
  }
  return variables;
}

/**
 * The same for a process with another working directory. Certificates in a profile by relative path come from the
 * working directory of whoever reads it: they become variables, which go before the file.
 * @throws TracewrightError `config.invalid`
 */
export function portableVariables(environment: Environment): Record<string, string> {
  const variables = temporalVariables(environment);
  const { tls } = loadProfile(environment);
  for (const [field, variable] of Object.entries(certificates)) {
    const source = tls?.[field as keyof typeof certificates];
    if (source && 'path' in source) variables[variable] = source.path;
  }
  return variables;
}

/**
 * The profile with what variables change of it. A file without profiles counts as absent; one that is named must exist.
 * @throws TracewrightError `config.invalid`
 */
export function loadProfile(environment: Environment): Profile {
  const variables = temporalVariables(environment);
  const file = variables[fileVariable];
  // The library takes a file that is not there for an empty one, and we would end at the wrong server.
  if (file !== undefined && !existsSync(file))
    throw invalidConnection(`${fileVariable} names ${file}, which does not exist.`);
  try {
    const { tls, grpcMeta, ...rest } = load(variables);
    const headers = { ...grpcMeta, ...headersOf(variables) };
    return {
      ...rest,
      ...(tls && { tls: { ...tls, ...absoluteCertificates(tls) } }),
      ...(Object.keys(headers).length > 0 && { grpcMeta: headers }),
    };
  } catch (error) {
    throw invalidConnection(
      `Temporal's configuration cannot be used: ${firstLine(error)}.${otherName(variables)}`,
      error,
    );
  }
}

/** What is set and Tracewright does not do, for people. Empty: nothing. */
export function ignoredSettings(environment: Environment): string[] {
  const { TEMPORAL_CODEC_ENDPOINT, TEMPORAL_TLS_DISABLE_HOST_VERIFICATION } = temporalVariables(environment);
  const codec = TEMPORAL_CODEC_ENDPOINT ? 'TEMPORAL_CODEC_ENDPOINT' : codecOfProfile(environment);
  return [
    ...(codec === undefined
      ? []
      : [
          `${codec} is ignored: TRACEWRIGHT_PAYLOAD_KEYS encrypts payloads, here and without a codec server.`,
        ]),
    ...(TEMPORAL_TLS_DISABLE_HOST_VERIFICATION === 'true'
      ? [
          "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is ignored: the server's certificate is always verified. TEMPORAL_TLS_SERVER_NAME names the host that it is for.",
        ]
      : []),
  ];
}

/** The library reads it and does not hand it on. */
function codecOfProfile(environment: Environment): string | undefined {
  const file = profileFile(environment);
  if (!existsSync(file)) return undefined;
  const section = `profile.${profileName(environment)}.codec`;
  const titles = readFileSync(file, 'utf8').matchAll(/^\s*\[([^\]]+)\]/gmu);
  const isThere = [...titles].some(([, title = '']) => title.replace(/["'\s]/gu, '') === section);
  return isThere ? `[${section}] of ${file}` : undefined;
}

export function invalidConnection(message: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'config.invalid',
    message,
    remedy:
      'Correct the TEMPORAL_* variables or the profile (`temporal config list` shows it), or unset them for the embedded server.',
    cause,
  });
}

/** The parser of TOML shows the lines around its error, and an API key may stand in them. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = error instanceof Error && 'line' in error ? ` in line ${String(error.line)}` : '';
  return `${text.split('\n')[0]?.replace(/\.$/u, '') ?? text}${line}`;
}

function load(variables: Record<string, string>): Profile {
  const others = Object.entries(variables).filter(([name]) => !name.startsWith(headerPrefix));
  const overrideEnvVars = Object.fromEntries(others);
  try {
    return loadClientConfigProfile({ overrideEnvVars });
  } catch (error) {
    // So the library answers to a file in which there is nothing, or nothing but comments.
    if (!(error instanceof TypeError)) throw error;
    const { TEMPORAL_PROFILE: named, ...rest } = overrideEnvVars;
    if (named !== undefined)
      throw new Error(`Profile '${named}' not found in an empty file`, { cause: error });
    return loadClientConfigProfile({ overrideEnvVars: rest, disableFile: true });
  }
}

function absoluteCertificates(tls: NonNullable<Profile['tls']>): NonNullable<Profile['tls']> {
  const absolute = (source: ConfigDataSource): ConfigDataSource =>
    'path' in source ? { path: resolve(source.path) } : source;
  return Object.fromEntries(
    Object.keys(certificates).flatMap((field) => {
      const source = tls[field as keyof typeof certificates];
      return source ? [[field, absolute(source)]] : [];
    }),
  );
}

/** The library leaves all underscores but the first as they are: `x-my_team_id`. */
function headersOf(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      name.startsWith(headerPrefix)
        ? [[name.slice(headerPrefix.length).toLowerCase().replaceAll('_', '-'), value]]
        : [],
    ),
  );
}

function switchValue(name: string, value: string): 'true' | 'false' {
  const word = value.trim().toLowerCase();
  if (['true', '1', 't', 'yes', 'y', 'on'].includes(word)) return 'true';
  if (['false', '0', 'f', 'no', 'n', 'off'].includes(word)) return 'false';
  throw invalidConnection(`${name} is "${value}", which is neither true nor false.`);
}

/** ` Did you mean …?` for a profile that was named and is not there. */
function otherName(variables: Record<string, string>): string {
  const named = variables['TEMPORAL_PROFILE'];
  if (named === undefined) return '';
  try {
    const names = Object.keys(loadClientConfig({ overrideEnvVars: variables }).profiles);
    return names.includes(named) ? '' : didYouMean(named, names);
  } catch {
    return '';
  }
}
