import { whyNoDocker } from '../support/docker/package.js';
import { playSuite } from '../support/suite.js';
import { scenarios } from './scenarios/index.js';

/**
 * The Docker suite: `npm run test:docker`, or `npm run test:docker -- k3d` for the scenarios whose names begin so. A real
 * engine, real containers, real kills. Prints a table; ends with 1 when a row is not as it should be.
 */
if ((await whyNoDocker()) === undefined) await playSuite(scenarios);
else process.exitCode = 1;
