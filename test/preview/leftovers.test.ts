import { expect, it } from 'vitest';
import type { PreviewContext } from '../../src/preview/component.js';
import { previewSteps } from '../../src/preview/preview.js';
import { tutorialShapedStack } from '../support/stack.js';

const unused = (): never => {
  throw new Error('not needed for what is removed');
};

it('plans to remove what only the old stack has, and what an earlier upgrade left', async () => {
  const whole = tutorialShapedStack();
  const { hotrod, collector, ...components } = whole.components;
  if (!hotrod || !collector) throw new Error('the stack has changed');
  const context: PreviewContext = {
    environment: 'demo',
    spec: { stack: { ...whole, components } },
    cluster: undefined,
    call: {},
    openHelm: unused,
    locateChart: unused,
  };
  const before = {
    spec: { stack: { ...whole, components: { ...components, hotrod } } },
    leftovers: [{ step: 'collector', component: 'collector', definition: collector }],
  };
  const steps = await previewSteps(context, before, { action: 'unknown', detail: 'not looked at' });
  const removed = steps.filter(({ action }) => action === 'remove').map(({ name }) => name);
  expect(removed.sort()).toEqual(['collector', 'hotrod']);
});
