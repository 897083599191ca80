import { describe, expect, it } from 'vitest';
import { createActivities } from '../../src/activities/index.js';
import { loadConfig } from '../../src/config.js';
import {
  environmentWorkflowId,
  fleetWorkflowId,
  hostTaskQueue,
  machineOfWorker,
  ownershipLabels,
  searchAttributes,
  sharedTaskQueue,
  slotKeeperId,
  workerIdentity,
} from '../../src/domain/names.js';
import * as wire from '../../src/workflows/messages.js';
import { workflowBundle } from '../support/workflow-bundle.js';

const { patches, ...messages } = wire;

/** Histories and running environments know these names: a change here breaks them. */
describe('names on the wire', () => {
  it('of messages', () => {
    const named = Object.values(messages).map((definition) => `${definition.type} ${definition.name}`);
    expect(named.sort()).toEqual([
      'query fleetProgress',
      'query fleetState',
      'query leftovers',
      'query progress',
      'query slots',
      'query spec',
      'signal fleetTeardown',
      'signal giveBackSlot',
      'signal order',
      'signal seatReport',
      'signal slotGranted',
      'signal teardown',
      'update abort',
      'update apply',
      'update askSlot',
      'update extend',
      'update fleetApply',
      'update fleetVerify',
      'update pause',
      'update resume',
      'update retry',
      'update skip',
      'update verify',
    ]);
  });

  it('of activities', () => {
    const activities = createActivities(loadConfig({}), 'host');
    expect(Object.keys(activities).sort()).toEqual([
      'applyManifests',
      'askForSlot',
      'claimHost',
      'createCluster',
      'deleteCluster',
      'deleteManifests',
      'describeMachine',
      'installRelease',
      'observeComponent',
      'proveStack',
      'sendInstallTrace',
      'uninstallRelease',
    ]);
  });

  it('of patches', () => {
    expect(Object.values(patches)).toEqual([
      'up-mends',
      'checks-go-on',
      'stacks-by-content',
      'leftovers-keep-names',
      'slots',
      'install-trace',
    ]);
  });

  it('of queues, workflow ids, search attributes and labels', () => {
    expect(sharedTaskQueue).toBe('tracewright');
    expect(hostTaskQueue('h')).toBe('tracewright-host-h');
    expect(environmentWorkflowId('e')).toBe('environment-e');
    expect(fleetWorkflowId('f')).toBe('fleet-f');
    expect(slotKeeperId('h')).toBe('slots-h');
    expect(machineOfWorker(workerIdentity('h', 7, 'build-1.lan'))).toEqual({
      hostId: 'h',
      name: 'build-1.lan',
    });
    expect(machineOfWorker('7@build-1.lan')).toBeUndefined();
    expect(Object.values(searchAttributes)).toEqual([
      'TracewrightEnvironment',
      'TracewrightStack',
      'TracewrightTarget',
      'TracewrightPhase',
    ]);
    expect(Object.values(ownershipLabels)).toEqual([
      'tracewright.dev/environment',
      'tracewright.dev/component',
      'tracewright.dev/fingerprint',
      'tracewright.dev/host',
    ]);
  });
});

describe('the workflow bundle', () => {
  it('can be made, and holds no tool, no library of the edge and nothing of Node', async () => {
    const { code } = await workflowBundle();
    expect(code).toContain('environment');
    const modules = code.match(/"?\.\/(?:src|node_modules)\/[^"\s]+\.(?:ts|js)/gu) ?? [];
    expect(modules.length).toBeGreaterThan(10);
    const edge = modules.filter((path) =>
      /src\/(?:tools|targets|temporal|cli|proof|activities)\/|node_modules\/(?:execa|zod|@kubernetes|yaml)\//u.test(
        path,
      ),
    );
    expect(edge).toEqual([]);
    expect(code.length).toBeLessThan(3_000_000);
  });
});
