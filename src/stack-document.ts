import {
  isMap,
  isAlias,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type ErrorCode,
  type Node,
  type Pair,
} from 'yaml';
import { TracewrightError } from './domain/failure.js';

/** A YAML text with the way back from a value to its line. */
export interface StackDocument {
  readonly value: unknown;
  /**
   * `line:column` of what is at `path`, both from 1. Where the path ends early (a missing key), the key that should
   * hold it.
   */
  position(path: readonly PropertyKey[], at: 'key' | 'value'): string;
}

/** How the parser calls what a wrong indentation makes of a line. */
const indentation: ReadonlySet<ErrorCode> = new Set([
  'BAD_INDENT',
  'BLOCK_AS_IMPLICIT_KEY',
  'MULTILINE_IMPLICIT_KEY',
]);

/**
 * Reads one YAML 1.2 document.
 * @param label what messages call the file
 * @throws TracewrightError `stack.malformed` with line and column of the first mistake
 */
export function readStackDocument(text: string, label: string): StackDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const where = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${String(line)}:${String(col)}`;
  };
  const [error] = document.errors;
  if (error) {
    const remedy = indentation.has(error.code)
      ? 'Look at the indentation of that line and of the one below it.'
      : 'Correct the YAML at that place.';
    throw malformed(`${label}:${where(error.pos[0])}: ${error.message}`, error, remedy);
  }
  return {
    value: plainValue(document, `${label}:${where(unresolvedAlias(document))}`),
    position: (path, at) => where(offsetOf(document, path, at)),
  };
}

/** Aliases are followed here, so an unknown one, or a bomb of them, shows only now. */
function plainValue(document: Document, place: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw malformed(`${place}: ${(error as Error).message}`, error, 'Correct the YAML at that place.');
  }
}

/** Where the first alias without an anchor stands; the beginning when there is none. */
function unresolvedAlias(document: Document): number {
  let offset = 0;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document)) return undefined;
      offset = start(alias);
      return visit.BREAK;
    },
  });
  return offset;
}

function offsetOf(document: Document, path: readonly PropertyKey[], at: 'key' | 'value'): number {
  let node = document.contents;
  let key: Node | undefined;
  for (const [index, segment] of path.entries()) {
    const last = index === path.length - 1;
    const container = isAlias(node) ? node.resolve(document) : node;
    if (isSeq(container)) {
      const item = container.items[Number(segment)] as Node | undefined;
      if (!item) break;
      [key, node] = [item, item];
      continue;
    }
    const pair = isMap(container)
      ? (container.items as Pair<Node, Node | null>[]).find(hasKey(segment))
      : undefined;
    if (!pair) return start(key ?? document.contents);
    [key, node] = [pair.key, pair.value];
    if (last && at === 'value' && node && start(node) !== start(key)) return start(node);
  }
  return start(key ?? document.contents);
}

function hasKey(segment: PropertyKey): (pair: Pair<Node, Node | null>) => boolean {
  return ({ key }) => isScalar(key) && String(key.value) === String(segment);
}

function start(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}

function malformed(message: string, cause: unknown, remedy: string): TracewrightError {
  return new TracewrightError({
    type: 'stack.malformed',
    message: `${message}.`.replace(/\.\.$/u, '.'),
    remedy,
    cause,
  });
}
