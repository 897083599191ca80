import type { DocumentOptions, ParseOptions, ScalarTag, SchemaOptions } from 'yaml';

/**
 * How Helm and kubectl read YAML: words and numbers of YAML 1.1 (`no`, `off`, `0400`), as far as Go's parser takes them,
 * and the syntax of YAML 1.2. For everything that is theirs: values, manifests, and so the whole stack file.
 */
export const goYaml = {
  merge: true,
  // Only the order matters: a plain text is what the first tag makes of it whose test it passes.
  customTags: (tags) => [
    bool,
    int,
    float,
    binary,
    ...tags.filter((tag) => typeof tag === 'string' || !replaced.has(tag.tag)),
  ],
} satisfies ParseOptions & DocumentOptions & SchemaOptions;

const replaced = new Set(['bool', 'int', 'float'].map((name) => `tag:yaml.org,2002:${name}`));

const bool: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  identify: (value) => typeof value === 'boolean',
  test: /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/u,
  resolve: (text) => /^(?:y|t|on)/iu.test(text),
};

const int: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  identify: (value) => typeof value === 'bigint' || Number.isInteger(value),
  test: /^(?:[-+\d].*|\.(?:\d.*|inf|Inf|INF|nan|NaN|NAN))$/u,
  resolve: numberOf,
};

const float: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  identify: (value) => typeof value === 'number',
  resolve: numberOf,
};

/** A text that begins as a number does: the number, beyond 2^53 a bigint, or else the text. */
function numberOf(text: string): number | bigint | string {
  if (/^[-+]?\.inf$/iu.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^\.nan$/iu.test(text)) return NaN;
  // Behind a leading dot they may only separate digits, as in Go's own floats.
  const plain = text.replace(text.startsWith('.') ? /(?<=\d)_(?=\d)/gu : /_/gu, '');
  const whole = /^([-+]?)(?:0[bB]([01]+)|0[oO]?([0-7]+)|0[xX]([\da-fA-F]+)|(0|[1-9]\d*))$/u.exec(plain);
  if (whole) {
    const [, sign, binary, octal, hexadecimal, decimal = ''] = whole;
    const digits =
      binary !== undefined
        ? `0b${binary}`
        : octal !== undefined
          ? `0o${octal}`
          : hexadecimal !== undefined
            ? `0x${hexadecimal}`
            : decimal;
    const value = Number(digits);
    if (Number.isSafeInteger(value)) return sign === '-' ? 0 - value : value;
    const exact = sign === '-' ? -BigInt(digits) : BigInt(digits);
    // What has more than 64 bits is no whole number to Go.
    if (exact >= -(2n ** 63n) && exact < 2n ** 64n) return exact;
  }
  if (!/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/u.test(plain)) return text;
  // Too large for a number is a text, such as the short hash of a commit: 52e1234.
  return Number.isFinite(Number(plain)) ? Number(plain) : text;
}

const binary: ScalarTag = {
  tag: 'tag:yaml.org,2002:binary',
  resolve: (text) => Buffer.from(text, 'base64').toString('utf8'),
};
