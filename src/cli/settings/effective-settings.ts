import { readConfig, type Config } from '../../config.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import { keptSettings } from './kept-settings.js';
import { ownSettings } from './own-settings.js';
import type { Setting } from './setting.js';
import { surroundings } from './surroundings.js';
import { temporalSettings } from './temporal-settings.js';

/** An environment, with what it is to be. */
export interface KeptSpec {
  readonly environment: string;
  readonly spec: EnvironmentSpec;
}

/**
 * Everything that decides what Tracewright does, with where it comes from; wrong values with what is wrong. Reads
 * Temporal's configuration file, and connects to nothing. What it gives holds no secret.
 * @param kept adds the flags of the last `up` of this environment
 */
export function effectiveSettings({ environment }: Pick<Config, 'environment'>, kept?: KeptSpec): Setting[] {
  const { config, problems } = readConfig(environment);
  return [
    ...ownSettings(config, problems),
    ...temporalSettings(config),
    ...surroundings(config),
    ...(kept ? keptSettings(kept.environment, kept.spec) : []),
  ];
}
