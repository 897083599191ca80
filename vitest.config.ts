import { defineConfig } from 'vitest/config';

/**
 * Tests that start clusters or Docker engines. Those that start an API server alone, or HotROD, the collector and the store as
 * plain processes, are among the light ones, beside which these run: about as long as those, so that nobody waits at the end.
 */
const heavy = [
  'test/activities/deadline.test.ts',
  'test/chaos/*.test.ts',
  'test/docker/*.test.ts',
  'test/e2e/**/*.test.ts',
  'test/faults/*.test.ts',
  'test/preview/plan.test.ts',
  'test/proof/diagnosis.test.ts',
  'test/targets/*.test.ts',
  'test/targets/embedded/*.test.ts',
];

// Servers, clusters and builds are real: time limits are for hangs, not for speed.
const limits = { testTimeout: 240_000, hookTimeout: 600_000 };

export default defineConfig({
  test: {
    globalSetup: 'test/support/global-setup.ts',
    // Of each project: more would starve each other on two cores.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'light',
          include: ['test/**/*.test.ts'],
          exclude: heavy,
          sequence: { groupOrder: 0 },
          ...limits,
        },
      },
      {
        extends: true,
        test: {
          name: 'heavy',
          include: heavy,
          sequence: { groupOrder: 1 },
          ...limits,
        },
      },
    ],
  },
});
