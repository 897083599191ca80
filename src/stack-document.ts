import {
  isMap,
  isAlias,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  parseDocument,
  visit,
  type Document,
  type ErrorCode,
  type Node,
  type Pair,
} from 'yaml';
import { TracewrightError } from './domain/failure.js';
import { goYaml } from './domain/go-yaml.js';

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

/** So many aliases of one anchor, those within it counted each time: honest files stay below, bombs do not. */
const maxAliasCount = 10_000;

/**
 * Reads one YAML document as Helm and kubectl do: `no` is false, `0400` is 256.
 * @param label what messages call the file
 * @throws TracewrightError `stack.malformed` with line and column of the first mistake
 */
export function readStackDocument(text: string, label: string): StackDocument {
  const lines = new LineCounter();
  const options = { ...goYaml, lineCounter: lines, prettyErrors: false };
  // Of nothing at all there is no document.
  const documents = [...parseAllDocuments(text, options), parseDocument('', goYaml)];
  const where = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${String(line)}:${String(col)}`;
  };
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error) {
    const remedy = indentation.has(error.code)
      ? 'Look at the indentation of that line and of the one below it.'
      : 'Correct the YAML at that place.';
    throw malformed(`${label}:${where(error.pos[0])}: ${error.message}`, error, remedy);
  }
  const [document = documents[0] as Document, second] = documents.filter(
    ({ contents }) => !isNothing(contents),
  );
  if (second)
    throw malformed(
      `${label}:${where(start(second.contents))}: a second document begins here`,
      undefined,
      'Make one of them: tools differ in what they make of several.',
    );
  const culprit = unlikeJson(document);
  if (culprit) {
    const what =
      isScalar(culprit) && culprit.value !== null
        ? `${culprit.source ?? ''} is a number that is not kept as it is written`
        : 'a key must be a text, and no map, list or nothing';
    const remedy =
      'Write it in quotes if it is a text; JSON, which Helm and kubectl make of it, does not keep it otherwise.';
    throw malformed(`${label}:${where(start(culprit))}: ${what}`, undefined, remedy);
  }
  return {
    value: plainValue(document, `${label}:${where(unresolvedAlias(document))}`),
    position: (path, at) => where(offsetOf(document, path, at)),
  };
}

/** Aliases are followed here, so an unknown one, or a bomb of them, shows only now. */
function plainValue(document: Document, place: string): unknown {
  try {
    return document.toJS({ maxAliasCount });
  } catch (error) {
    throw malformed(`${place}: ${(error as Error).message}`, error, 'Correct the YAML at that place.');
  }
}

/** What stands between two `---`, before the first or behind the last, and the word null. */
function isNothing(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** The first number that JSON cannot hold or that would lose digits, or key that is no text. */
function unlikeJson(document: Document): Node | undefined {
  let found: Node | undefined;
  visit(document, {
    Pair(_, { key }) {
      if (!isMap(key) && !isSeq(key) && !isNothing(key)) return undefined;
      found = key as Node;
      return visit.BREAK;
    },
    Scalar(_, scalar) {
      const { value, source = '' } = scalar;
      if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
      const isWhole = /^[-+]?[\d_]+$/u.test(source);
      if (typeof value === 'number' && Number.isFinite(value) && !(isWhole && !Number.isSafeInteger(value)))
        return undefined;
      found = scalar;
      return visit.BREAK;
    },
  });
  return found;
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
