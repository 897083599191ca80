import { join } from 'node:path';
import { loadClientConfigProfile } from '@temporalio/envconfig';
import type { Config } from '../config.js';

/** A connection as Temporal's configuration describes it. Holds secrets. */
export type Profile = ReturnType<typeof loadClientConfigProfile>;

/** The variables that are set, as Temporal's library takes them. */
export function setVariables(environment: Config['environment']): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) variables[name] = value;
  return variables;
}

/** The profile that counts: TEMPORAL_PROFILE. */
export function profileName(environment: Config['environment']): string {
  const name = environment['TEMPORAL_PROFILE'];
  return name === undefined || name === '' ? 'default' : name;
}

/** The configuration file that counts: TEMPORAL_CONFIG_FILE, else where Temporal's tools put it on Linux. */
export function profileFile(environment: Config['environment']): string {
  const { TEMPORAL_CONFIG_FILE, XDG_CONFIG_HOME, HOME = '' } = environment;
  const folder = XDG_CONFIG_HOME ? XDG_CONFIG_HOME : join(HOME, '.config');
  return TEMPORAL_CONFIG_FILE ?? join(folder, 'temporalio', 'temporal.toml');
}

/**
 * The profile with what variables change of it. A file that is not there counts as empty.
 * @throws Error as the library does, for files that cannot be read and profiles that do not exist
 */
export function loadProfile(environment: Config['environment']): Profile {
  return loadClientConfigProfile({ overrideEnvVars: setVariables(environment) });
}
