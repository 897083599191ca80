import { existsSync } from 'node:fs';
import type { Config } from '../../config.js';
import { toFailure } from '../../domain/failure.js';
import { resolveConnection } from '../../temporal/connection.js';
import { loadProfile, profileFile, profileName, type Profile } from '../../temporal/profile.js';
import { mask } from '../../tools/redact.js';
import { maskValue, type Setting, type SettingOrigin } from './setting.js';

type Environment = Config['environment'];

interface ProfileField {
  readonly name: string;
  /** Any of them sets it, and goes before the file. */
  readonly variables: readonly string[];
  /** As it may be shown. */
  readonly valueOf: (profile: Profile) => string | undefined;
  readonly means: string;
}

type DataSource = NonNullable<NonNullable<Profile['tls']>['clientKey']>;

/** The path of a file; of data that stands in the configuration itself only that it is there. */
const sourceText = (source: DataSource | undefined): string | undefined =>
  source === undefined ? undefined : 'path' in source ? source.path : mask;

const tlsVariables = (name: string): string[] => [`TEMPORAL_TLS_${name}_PATH`, `TEMPORAL_TLS_${name}_DATA`];

const fields: readonly ProfileField[] = [
  {
    name: 'namespace',
    variables: ['TEMPORAL_NAMESPACE'],
    valueOf: ({ namespace }) => namespace,
    means: 'where our workflows live in the server (default: default)',
  },
  {
    name: 'API key',
    variables: ['TEMPORAL_API_KEY'],
    valueOf: ({ apiKey }) => (apiKey === undefined ? undefined : mask),
    means: 'who we are for the server',
  },
  {
    name: 'TLS',
    variables: ['TEMPORAL_TLS', 'TEMPORAL_API_KEY'],
    valueOf: ({ tls, apiKey }) =>
      tls?.disabled ? 'off' : tls !== undefined || apiKey !== undefined ? 'on' : undefined,
    means: 'whether the connection is encrypted',
  },
  {
    name: 'TLS server name',
    variables: ['TEMPORAL_TLS_SERVER_NAME'],
    valueOf: ({ tls }) => tls?.serverName,
    means: "the name that the server's certificate must have",
  },
  {
    name: 'TLS authority',
    variables: tlsVariables('SERVER_CA_CERT'),
    valueOf: ({ tls }) => sourceText(tls?.serverCACert),
    means: "who may sign the server's certificate",
  },
  {
    name: 'TLS certificate',
    variables: tlsVariables('CLIENT_CERT'),
    valueOf: ({ tls }) => sourceText(tls?.clientCert),
    means: 'who we are for the server',
  },
  {
    name: 'TLS key',
    variables: tlsVariables('CLIENT_KEY'),
    valueOf: ({ tls }) => sourceText(tls?.clientKey),
    means: 'proves the certificate',
  },
];

/** Which Temporal server is meant, and how it is reached. Connects to nothing. */
export function temporalSettings({ environment }: Pick<Config, 'environment'>): Setting[] {
  const file: Setting = {
    group: 'temporal',
    name: 'configuration file',
    value: `${profileFile(environment)}${existsSync(profileFile(environment)) ? '' : ' (not there)'}`,
    origin: byVariable(environment, ['TEMPORAL_CONFIG_FILE']) ?? { kind: 'default' },
    means: "Temporal's own, with profiles of connections",
  };
  const profile: Setting = {
    group: 'temporal',
    name: 'profile',
    value: profileName(environment),
    origin: byVariable(environment, ['TEMPORAL_PROFILE']) ?? { kind: 'default' },
    means: 'which part of that file counts',
  };
  const server = serverSetting(environment);
  const connection = connectionSettings(environment);
  const ofOthers = (it: Setting): Setting => ({ ...it, means: 'counts only with a server of your own' });
  return [
    server,
    ...(server.origin.kind === 'default' ? connection.map(ofOthers) : connection),
    profile,
    file,
  ];
}

function serverSetting(environment: Environment): Setting {
  const common = { group: 'temporal', name: 'server', means: 'who keeps what has been done' } as const;
  const origin = byVariable(environment, ['TEMPORAL_ADDRESS']);
  try {
    const resolved = resolveConnection({ environment });
    if (resolved.kind === 'embedded')
      return { ...common, value: 'embedded: `up` starts one, on 127.0.0.1', origin: { kind: 'default' } };
    const { address } = resolved.settings;
    return { ...common, value: maskValue(address), origin: origin ?? byProfile(environment) };
  } catch (error) {
    const { message } = toFailure(error);
    const value = environment['TEMPORAL_ADDRESS'];
    const shown = value === undefined ? undefined : maskValue(value);
    return {
      ...common,
      ...(shown !== undefined && { value: shown }),
      origin: origin ?? byProfile(environment),
      problem: maskValue(value ? message.replaceAll(value, shown ?? '') : message),
    };
  }
}

/** Nothing where the profile cannot be read: the server's setting says why. */
function connectionSettings(environment: Environment): Setting[] {
  const profile = readable(environment);
  if (!profile) return [];
  const { grpcMeta = {} } = profile;
  return [
    ...fields.map(({ name, variables, valueOf, means }): Setting => {
      const value = valueOf(profile);
      const common = { group: 'temporal', name, means } as const;
      return value === undefined
        ? { ...common, origin: { kind: 'default' } }
        : {
            ...common,
            value: maskValue(value),
            origin: byVariable(environment, variables) ?? byProfile(environment),
          };
    }),
    ...Object.keys(grpcMeta).map((header): Setting => {
      const origin = headerOrigin(environment, header);
      return {
        group: 'temporal',
        name: `header ${header}`,
        value: mask,
        origin,
        means: 'goes with every call',
      };
    }),
  ];
}

function readable(environment: Environment): Profile | undefined {
  try {
    return loadProfile(environment);
  } catch {
    return undefined;
  }
}

function headerOrigin(environment: Environment, header: string): SettingOrigin {
  const plain = (name: string): string => name.toLowerCase().replaceAll('_', '-');
  const variable = Object.keys(environment).find(
    (name) => plain(name) === `temporal-grpc-meta-${plain(header)}`,
  );
  return variable === undefined ? byProfile(environment) : { kind: 'variable', variable };
}

function byVariable(environment: Environment, names: readonly string[]): SettingOrigin | undefined {
  const variable = names.find((name) => environment[name] !== undefined);
  return variable === undefined ? undefined : { kind: 'variable', variable };
}

function byProfile(environment: Environment): SettingOrigin {
  return { kind: 'profile', profile: profileName(environment), file: profileFile(environment) };
}
