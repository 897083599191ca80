import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, Script } from 'node:vm';

/** The command line in one file, and what V8 made of it: both are of packaging/command-line.js. */
export const commandLine = fileURLToPath(new URL('../dist/command-line.cjs', import.meta.url));
export const keptCode = commandLine.replace(/cjs$/u, 'v8');

/**
 * Loads the command line. Code that was kept halves the time of that; a Node of another version does not take it, and
 * compiles.
 * @returns its exports, and the script, whose code may be kept
 */
export function load() {
  // The file is ASCII alone: as Latin-1 V8 gets one byte a character, and nothing is decoded.
  const script = new Script(
    `(function (module, exports, require, __dirname) {${read(commandLine, 'latin1')}\n})`,
    {
      filename: commandLine,
      cachedData: read(keptCode),
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    },
  );
  const module = { exports: {} };
  script.runInThisContext()(module, module.exports, createRequire(commandLine), dirname(commandLine));
  return { script, exports: module.exports };
}

function read(path, encoding) {
  try {
    return readFileSync(path, encoding);
  } catch (error) {
    if (path === keptCode && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
