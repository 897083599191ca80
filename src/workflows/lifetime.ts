import type { EnvironmentSpec } from '../domain/progress.js';

export interface LifetimeSnapshot {
  readonly ttlMs?: number;
  readonly verifyEveryMs?: number;
  readonly expiresAt?: number;
  readonly restingSince?: number;
}

/**
 * How long an environment lives and how often it is looked at. Both count from when it comes to rest, so that nothing
 * expires under a running install; an environment that only ever blocks expires as well.
 */
export class Lifetime {
  private ttlMs: number | undefined;
  private verifyEveryMs: number | undefined;
  private deadline: number | undefined;
  private restingSince: number | undefined;

  constructor({ ttlMs, verifyEveryMs, expiresAt, restingSince }: LifetimeSnapshot = {}) {
    this.ttlMs = ttlMs;
    this.verifyEveryMs = verifyEveryMs;
    this.deadline = expiresAt;
    this.restingSince = restingSince;
  }

  get expiresAt(): number | undefined {
    return this.deadline;
  }

  /** When a Ready environment is to be verified. */
  get verificationAt(): number | undefined {
    if (this.verifyEveryMs === undefined || this.restingSince === undefined) return undefined;
    return this.restingSince + this.verifyEveryMs;
  }

  /** Takes over what the spec says; what it does not mention stays, and 0 means never. */
  adopt({ ttlMs, verifyEveryMs }: Pick<EnvironmentSpec, 'ttlMs' | 'verifyEveryMs'>): void {
    if (ttlMs !== undefined) this.ttlMs = ttlMs === 0 ? undefined : ttlMs;
    if (verifyEveryMs !== undefined) this.verifyEveryMs = verifyEveryMs === 0 ? undefined : verifyEveryMs;
  }

  /** An install begins. */
  busy(): void {
    this.deadline = undefined;
  }

  /** Nothing happens any more by itself. `renew`: because an install succeeded. */
  rests(now: number, renew: boolean): void {
    this.restingSince = anew(now, this.restingSince);
    if (this.ttlMs === undefined) this.deadline = undefined;
    else if (renew || this.deadline === undefined) this.deadline = anew(now + this.ttlMs, this.deadline);
  }

  /** To live for `ms` from now (from the end of the install, while one runs), and as long after each later install. */
  extend(ms: number | null, now: number, installing: boolean): void {
    this.ttlMs = ms ?? undefined;
    this.deadline = ms === null || installing ? undefined : anew(now + ms, this.deadline);
  }

  toSnapshot(): LifetimeSnapshot {
    const { ttlMs, verifyEveryMs, deadline, restingSince } = this;
    return {
      ...(ttlMs !== undefined && { ttlMs }),
      ...(verifyEveryMs !== undefined && { verifyEveryMs }),
      ...(deadline !== undefined && { expiresAt: deadline }),
      ...(restingSince !== undefined && { restingSince }),
    };
  }
}

/** A moment that is set anew is another one, also where the clock says the same: whoever waits for it begins again. */
function anew(moment: number, before: number | undefined): number {
  return moment === before ? moment + 1 : moment;
}
