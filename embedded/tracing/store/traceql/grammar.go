// Package traceql parses TraceQL queries and finds with them.
package traceql

import (
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The words of the language. The order counts: the first that fits is taken.
var words = lexer.MustSimple([]lexer.SimpleRule{
	{Name: "Space", Pattern: `\s+|//[^\n]*`},
	{Name: "String", Pattern: "\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`"},
	{Name: "Duration", Pattern: `(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h|d|w|y))+`},
	{Name: "Float", Pattern: `\d*\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+`},
	{Name: "Int", Pattern: `\d+`},
	{Name: "Attribute", Pattern: `(?:(?:parent\.)?(?:span|resource)|parent|event|link|instrumentation)?` +
		`\.(?:"(?:[^"\\]|\\.)*"|[^\s"{}(),=~!<>&|^]+)+`},
	{Name: "Word", Pattern: `[A-Za-z_]+(?::[A-Za-z]+)?`},
	{Name: "Operator", Pattern: `&&|\|\||>=|<=|!=|=~|!~|&~|[!&]?>>|[!&]?<<|[!&]>|[!&]<|[=<>~+\-*/%^]|!`},
	{Name: "Mark", Pattern: `[{}(),|]`},
})

// wordTypes are their names.
var wordTypes = lexer.SymbolsByRune(words)

// One grammar for what stands in braces and for the pipeline around it: which operands go with which operators is the
// matter of the compiler, which knows what they are.

type query struct {
	Pipeline *pipeline  `parser:"@@"`
	Hints    []*operand `parser:"('with' '(' Word '=' @@ (',' Word '=' @@)* ')')?"`
}

type pipeline struct {
	Pos    lexer.Position
	Stages []*expression `parser:"@@ ('|' @@)*"`
}

type expression struct {
	First *operand `parser:"@@"`
	Rest  []*step  `parser:"@@*"`
}

type step struct {
	Pos      lexer.Position
	Operator string   `parser:"@Operator"`
	Operand  *operand `parser:"@@"`
}

type operand struct {
	Pos      lexer.Position
	Tokens   []lexer.Token
	Prefixes []string `parser:"@('-' | '!')*"`
	// A spanset filter, whose condition may be missing.
	Braces    bool        `parser:"( @'{'"`
	Condition *expression `parser:"@@? '}'"`

	Group *pipeline `parser:"| '(' @@ ')'"`
	// A single word, or a function with its arguments.
	Word      string        `parser:"| @(String | Duration | Float | Int | Attribute | Word)"`
	Call      bool          `parser:"( @'('"`
	Arguments []*expression `parser:"(@@ (',' @@)*)? ')' )? )"`
}

// wordType is the type of a single word, and Mark for what ends with one.
func (o *operand) wordType() string { return wordTypes[o.Tokens[len(o.Tokens)-1].Type] }

// text is what was written, without spaces.
func (o *operand) text() string {
	var written strings.Builder
	for _, token := range o.Tokens {
		if wordTypes[token.Type] != "Space" {
			written.WriteString(token.Value)
		}
	}
	return written.String()
}

var parser = participle.MustBuild[query](participle.Lexer(words), participle.Elide("Space"))
