import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Puts messages and stack traces of failures into a payload, so that they are encrypted like everything else. Loaded by
 * its path, in the worker and in the sandbox of the workflows.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
