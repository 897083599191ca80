import type { Scenario } from '../scenario.js';
import { disk } from './disk.js';
import { kills } from './kills.js';
import { messages } from './messages.js';
import { network } from './network.js';
import { repository } from './repository.js';
import { representative } from './representative.js';
import { teardown } from './teardown.js';

/** The whole suite. */
export const scenarios: readonly Scenario[] = [
  representative,
  ...messages,
  ...teardown,
  ...network,
  ...disk,
  ...repository,
  ...kills,
];
