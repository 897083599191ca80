import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { TracewrightError } from '../domain/failure.js';
import { searchAttributes } from '../domain/names.js';
import { grpcCodeOf, grpcStatus } from './grpc-status.js';

const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;

/** What a server answers that keeps search attributes to its operators. */
const refusals: readonly (number | undefined)[] = [
  grpcStatus.permissionDenied,
  grpcStatus.unimplemented,
  grpcStatus.unauthenticated,
];

export interface SearchAttributeReport {
  /** Made by this call. */
  readonly added: readonly string[];
  /** Why it is not known whether they exist, and what to do; a workflow that names a missing one is not started. */
  readonly warning?: string;
}

/** The names of our search attributes. */
export const searchAttributeNames: readonly string[] = Object.values(searchAttributes);

/**
 * Registers the search attributes that a namespace of an external server lacks. Idempotent; without the right to
 * do so it warns.
 * @throws TracewrightError `config.invalid` when one exists with another type
 */
export async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<SearchAttributeReport> {
  try {
    const missing = await missingSearchAttributes(connection, namespace);
    if (missing.length > 0) await add(connection, namespace, missing);
    return { added: missing };
  } catch (error) {
    if (!refusals.includes(grpcCodeOf(error))) throw error;
    return { added: [], warning: refusedWarning(namespace) };
  }
}

/** So many Keywords has a namespace whose visibility store is SQL (Temporal's `Keyword01` … `Keyword10`). */
const keywordsOfSql = 10;

function full(namespace: string, names: readonly string[], cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'config.invalid',
    message: `The namespace ${namespace} has no room for the search attributes ${names.join(', ')}: with an SQL store it has at most ${String(keywordsOfSql)} of the type Keyword.`,
    remedy:
      'Use another namespace (TEMPORAL_NAMESPACE), or have an operator remove what nobody uses: `temporal operator search-attribute list`.',
    cause,
  });
}

/** As `ensureSearchAttributes`, and registers nothing. */
export async function lookAtSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<{ readonly missing: readonly string[]; readonly warning?: string }> {
  try {
    const missing = await missingSearchAttributes(connection, namespace);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const keywords = Object.values(customAttributes).filter((type) => type === keyword).length;
    return keywords + missing.length <= keywordsOfSql || missing.length === 0
      ? { missing }
      : { missing, warning: full(namespace, missing).message };
  } catch (error) {
    if (!refusals.includes(grpcCodeOf(error))) throw error;
    return { missing: [], warning: refusedWarning(namespace) };
  }
}

async function missingSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes: existing } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = searchAttributeNames.filter((name) => existing[name] === undefined);
  const wrong = searchAttributeNames.find((name) => !missing.includes(name) && existing[name] !== keyword);
  if (wrong !== undefined) throw wrongType(wrong, namespace);
  return missing;
}

async function add(connection: Connection, namespace: string, names: readonly string[]): Promise<void> {
  const types = Object.fromEntries(names.map((name) => [name, keyword]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: types });
  } catch (error) {
    if (/cannot have more than/u.test((error as Error).message)) throw full(namespace, names, error);
    // Somebody else registered them between our look and our call.
    if (grpcCodeOf(error) !== grpcStatus.alreadyExists) throw error;
  }
}

function refusedWarning(namespace: string): string {
  const names = searchAttributeNames.map((name) => `--name ${name}`).join(' ');
  const command = `temporal operator search-attribute create --namespace ${namespace} --type Keyword ${names}`;
  return `The Temporal server does not let us look at or make search attributes. If they do not exist, have an operator run: ${command}`;
}

function wrongType(name: string, namespace: string): TracewrightError {
  return new TracewrightError({
    type: 'config.invalid',
    message: `The namespace ${namespace} has a search attribute ${name} that is not of the type Keyword.`,
    remedy: 'Use another namespace (TEMPORAL_NAMESPACE), or have an operator remove that attribute.',
  });
}
