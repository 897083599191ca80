/**
 * Ids of changes that running environments notice: histories of before go on as they began. On the wire.
 */
export const patches = {
  /** `up` on an environment of which only the proof is blocked goes over everything again. */
  upMends: 'up-mends',
} as const;
