/** A component that is shipped or linked, with what was found out about its licence. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** SPDX identifiers, all of which apply. Empty when there is no licence. */
  readonly licences: readonly string[];
  /** Names of files that a licence should be in and that no known text explains. */
  readonly unexplained: readonly string[];
}

/**
 * What may be in there: licences that ask for their notices to be kept. MPL-2.0 asks for the source of its own files,
 * which are upstream's, unchanged and public. What is not named here is refused: the GPL family (Go links statically, so
 * LGPL asks for as much as GPL), SSPL, BUSL, every licence that restricts use, and every text that nobody has read.
 */
const allowed: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MPL-2.0',
  'Public Domain',
  'Python-2.0',
  'Unlicense',
  'Zlib',
]);

/** Why a component must not be shipped, as a line each. Empty when everything may be. */
export function refusals(components: readonly Component[]): string[] {
  return components.flatMap((component) => {
    const name = `${component.name} ${component.version}`;
    const refused = component.licences.filter((licence) => !allowed.has(licence));
    return [
      ...refused.map((licence) => `${name}: ${licence} is not allowed`),
      ...component.unexplained.map((file) => `${name}: ${file} holds no licence that is known`),
      ...(component.licences.length + component.unexplained.length === 0 ? [`${name}: has no licence`] : []),
    ];
  });
}
