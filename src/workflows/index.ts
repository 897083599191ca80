export { environment, type EnvironmentInput } from './environment.js';
