import type { DockerScenario } from '../scenario.js';
import { composeFile } from './compose-file.js';
import { compose } from './compose.js';
import { engine } from './engine.js';
import { k3dFaults } from './k3d-faults.js';
import { k3dTroubles } from './k3d-troubles.js';
import { k3d } from './k3d.js';
import { machine } from './machine.js';

/** All of them, in the order in which they are played. */
export const scenarios: readonly DockerScenario[] = [
  ...engine,
  ...k3d,
  ...k3dFaults,
  ...k3dTroubles,
  ...machine,
  ...compose,
  ...composeFile,
];
