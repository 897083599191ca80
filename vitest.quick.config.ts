import { defineConfig } from 'vitest/config';

/** For the inner loop: what starts no server and no cluster, and needs no build. `npm test` runs these too. */
export default defineConfig({
  test: {
    include: [
      'test/*.test.ts',
      'test/activities/cluster.test.ts',
      'test/cli/{choose-target,drift-lines,errors,evidence-lines,frame,log-printer,parameters}.test.ts',
      'test/cli/{progress-notes,proof-view,settings,stack-sources,status-view,target-spec}.test.ts',
      'test/cli/{views,waterfall}.test.ts',
      'test/deploy/compose.test.ts',
      'test/docs/{hops,links,reference,svg}.test.ts',
      'test/domain/**/*.test.ts',
      'test/preview/{leftovers,missing-kinds}.test.ts',
      'test/proof/*.test.ts',
      'test/stacks/{current,embedded,tutorial}.test.ts',
      'test/targets/embedded/build/*.test.ts',
      'test/targets/k3d/preflight.test.ts',
      'test/temporal/grpc-status.test.ts',
      'test/tools/{browser,environment-folder,log-file,redact,shared-signal,task-group}.test.ts',
      'test/tools/go/output.test.ts',
      'test/tools/registry/*.test.ts',
      'test/workflows/{failure,presentation}.test.ts',
    ],
    exclude: [
      'test/{licences,package,stack-editor}.test.ts',
      'test/proof/{diagnosis,pipeline}.test.ts',
      'test/targets/embedded/build/build.test.ts',
    ],
    maxWorkers: 2,
    testTimeout: 120_000,
  },
});
