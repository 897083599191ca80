import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Servers, clusters and builds are real: time limits are for hangs, not for speed.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores, and many tests start programs of their own.
    maxWorkers: 2,
    reporters: ['default'],
  },
});
