import {
  ActivityFailure,
  ApplicationFailure,
  RetryState,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../src/domain/failure.js';
import { planOf } from '../../src/domain/plan.js';
import { failureOf } from '../../src/workflows/steps.js';
import { tutorialShapedStack } from '../support/stack.js';

const tempo = planOf(tutorialShapedStack()).find(({ name }) => name === 'tempo');
if (!tempo) throw new Error('The stack has no tempo.');

const failed = (cause: Error): ActivityFailure =>
  new ActivityFailure('failed', 'installRelease', 'tempo', RetryState.TIMEOUT, 'worker', cause);

describe('what a person reads of the error of an activity', () => {
  it('is what the activity said of itself', () => {
    const detail: Failure = { type: 'release.failed', message: 'm', remedy: 'r', retryable: true };
    const cause = ApplicationFailure.create({ type: detail.type, message: 'm', details: [detail] });
    expect(failureOf(tempo, failed(cause))).toEqual(detail);
  });

  it('is the time that is over, when it said nothing', () => {
    const cause = new TimeoutFailure('activity timed out', undefined, TimeoutType.SCHEDULE_TO_CLOSE);
    expect(failureOf(tempo, failed(cause))).toMatchObject({
      type: 'step.timeout',
      message: 'The step "tempo" did not end within its time (SCHEDULE_TO_CLOSE).',
      retryable: false,
    });
  });

  it('is the last failure of an attempt, when the time is over after some', () => {
    const detail: Failure = { type: 'chart.unavailable', message: 'm', remedy: 'r', retryable: true };
    const cause = new TimeoutFailure('activity timed out', undefined, TimeoutType.SCHEDULE_TO_CLOSE);
    const last = ApplicationFailure.create({ type: detail.type, message: 'm', details: [detail] });
    Object.assign(cause, { cause: last });
    expect(failureOf(tempo, failed(cause))).toEqual(detail);
  });

  it('is the machine that takes no tasks', () => {
    const cause = new TimeoutFailure('activity timed out', undefined, TimeoutType.SCHEDULE_TO_START);
    expect(failureOf(tempo, failed(cause))).toMatchObject({ type: 'host.lost' });
  });
});
