package traceql

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
	"github.com/prometheus/common/model"
)

// maxQueryBytes bounds the depth of what the parser and the evaluation walk through.
const maxQueryBytes = 64 * 1024

// Error says where a query cannot be understood. Line and Column count from 1.
type Error struct {
	Line, Column int
	Message      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("invalid TraceQL query: parse error at line %d, col %d: %s", e.Line, e.Column, e.Message)
}

// fail ends the compilation, which returns the error.
func fail(at lexer.Position, format string, arguments ...any) {
	panic(&Error{at.Line, at.Column, fmt.Sprintf(format, arguments...)})
}

// Query is a query that was understood.
type Query struct {
	expr
	// Fields are those that it names, in its order.
	Fields []*Field
}

// Parse reads a query. Errors are of the type *Error.
func Parse(written string) (query *Query, err error) {
	defer func() {
		if failure := recover(); failure != nil {
			known, isKnown := failure.(*Error)
			if !isKnown {
				panic(failure)
			}
			err = known
		}
	}()
	if len(written) > maxQueryBytes {
		fail(lexer.Position{Line: 1, Column: 1}, "a query has at most %d bytes", maxQueryBytes)
	}
	parsed, err := parser.ParseString("", written)
	if err != nil {
		var failure participle.Error
		errors.As(err, &failure)
		fail(failure.Position(), "%s", failure.Message())
	}
	c := compiler{known: map[string]*Field{}}
	whole := c.pipeline(parsed.Pipeline)
	for _, it := range parsed.Hints {
		c.operand(it, true)
	}
	if whole.typ() != "spanset" {
		fail(parsed.Pipeline.Pos, "the query ends in a number: compare it with one")
	}
	return &Query{whole, c.fields}, nil
}

// ParseField reads what stands alone: an intrinsic, or an attribute with its scope.
func ParseField(written string) (*Field, error) {
	query, err := Parse("{} | select(" + written + ")")
	if failure, isError := err.(*Error); isError {
		return nil, fmt.Errorf("not an attribute: %s: %s", written, failure.Message)
	}
	if len(query.Fields) != 1 {
		return nil, fmt.Errorf("not an attribute: %s", written)
	}
	return query.Fields[0], nil
}

// compiler turns what was parsed into functions, and collects what the query asks of spans.
type compiler struct {
	fields []*Field
	known  map[string]*Field
}

// expr is what an expression comes to.
type expr struct {
	pos lexer.Position
	// get gives a value, or of spansets and what changes them []Spanset.
	get func(place) any
	// sample is a value of its type; nil where only spans tell it.
	sample     any
	isConstant bool
	isCoalesce bool
	// field is what the value alone is.
	field *Field
}

func constant(value any) expr {
	return expr{get: func(place) any { return value }, sample: value, isConstant: true}
}

// typ is "" where only spans tell it.
func (e expr) typ() string { return TypeOf(e.sample) }

func (e expr) isCondition() bool { return e.typ() == "bool" || e.typ() == "" }

// expression compiles what stands in braces, attributes, or outside of them, spansets and functions.
func (c *compiler) expression(it *expression, inBraces bool) expr {
	operands, waiting := []expr{c.operand(it.First, inBraces)}, []*step(nil)
	// reduce applies the last of the operators that wait, as long as they bind at least so tightly.
	reduce := func(binding int) {
		for n := len(waiting) - 1; n >= 0 && bindingOf(waiting[n].Operator) >= binding; n-- {
			operands[n] = infix(waiting[n].Pos, waiting[n].Operator, operands[n], operands[n+1])
			operands, waiting = operands[:n+1], waiting[:n]
		}
	}
	for _, next := range it.Rest {
		binding := bindingOf(next.Operator)
		if next.Operator == "^" {
			// 2 ^ 3 ^ 2 is 2 ^ (3 ^ 2).
			binding++
		}
		reduce(binding)
		operands, waiting = append(operands, c.operand(next.Operand, inBraces)), append(waiting, next)
	}
	reduce(0)
	return operands[0]
}

// bindingOf says how tightly an operator binds. Those between spansets bind as those that compare.
func bindingOf(operator string) int { return cmp.Or(operators[operator].binding, comparing) }

// infix checks by samples whether the operator goes with the types of its operands.
func infix(at lexer.Position, name string, left, right expr) expr {
	operator := operators[name]
	switch {
	case left.typ() == "spanset" && right.typ() == "spanset":
		return combination(at, name, left, right)
	case operator.apply == nil:
		fail(at, "%s stands between spansets only", name)
	case name == "=~" || name == "!~":
		left.sample, right = cmp.Or(left.sample, any("")), pattern(at, right)
	}
	sample, fits := operator.apply(cmp.Or(left.sample, right.sample), cmp.Or(right.sample, left.sample))
	if !fits && (left.sample != nil || right.sample != nil) {
		fail(at, "%s does not go with %s and %s", name, cmp.Or(left.typ(), "attribute"), cmp.Or(right.typ(), "attribute"))
	}
	value := func(l, r any) any {
		result, _ := operator.apply(l, r)
		return result
	}
	switch {
	case operator.binding != comparing || left.typ() == "nil" || right.typ() == "nil":
	case left.field != nil && right.isConstant:
		left.field.conditions = append(left.field.conditions, func(it any) bool { return value(it, right.sample) == true })
	case right.field != nil && left.isConstant:
		right.field.conditions = append(right.field.conditions, func(it any) bool { return value(left.sample, it) == true })
	}
	return expr{
		pos:        left.pos,
		get:        func(p place) any { return value(left.get(p), right.get(p)) },
		sample:     cmp.Or(sample, any(0.0)),
		isConstant: left.isConstant && right.isConstant,
	}
}

// pattern is what =~ and !~ match: the whole text.
func pattern(at lexer.Position, it expr) expr {
	text, isText := it.sample.(string)
	if !isText || !it.isConstant {
		fail(at, "a regular expression stands in quotes")
	}
	compiled, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		fail(it.pos, "%s", err)
	}
	return constant(compiled)
}

// operand has its prefixes, which are short for operators: -a is a * -1, and !a is a = false.
func (c *compiler) operand(it *operand, inBraces bool) expr {
	result := c.bare(it, inBraces)
	for _, prefix := range slices.Backward(it.Prefixes) {
		if prefix == "-" {
			result = infix(it.Pos, "*", result, constant(int64(-1)))
		} else {
			result = infix(it.Pos, "=", result, constant(false))
		}
	}
	result.pos = it.Pos
	return result
}

func (c *compiler) bare(it *operand, inBraces bool) expr {
	wordType, name := it.wordType(), cmp.Or(shortNames[it.Word], it.Word)
	switch {
	case it.Group != nil && !inBraces:
		return c.pipeline(it.Group)
	case it.Group != nil && len(it.Group.Stages) == 1:
		return c.expression(it.Group.Stages[0], true)
	case it.Braces && !inBraces:
		return c.filter(it)
	case it.Call && !inBraces:
		return c.function(it)
	case it.Group != nil || it.Braces || it.Call:
		fail(it.Pos, "%s does not stand in braces", it.text())
	case !inBraces && slices.Contains([]string{"Attribute", "String", "Word"}, wordType):
		fail(it.Pos, "%s stands in braces only", it.text())
	case wordType == "Attribute":
		return c.asked(name, attribute(name))
	case intrinsics[name].get != nil:
		return c.asked(name, intrinsics[name])
	}
	value, err := literals[wordType](it.Word)
	if err != nil {
		fail(it.Pos, "%s", err)
	}
	return constant(value)
}

// asked is a field, which the query knows once however often it is written.
func (c *compiler) asked(written string, it Field) expr {
	field, isKnown := c.known[written]
	if !isKnown {
		it.Key = cmp.Or(it.Key, written)
		field = &it
		c.known[written] = field
		c.fields = append(c.fields, field)
	}
	return expr{get: field.get, sample: field.sample, field: field}
}

var literals = map[string]func(string) (any, error){
	"String": func(text string) (any, error) { return strconv.Unquote(text) },
	"Int":    func(text string) (any, error) { return strconv.ParseInt(text, 10, 64) },
	"Float":  func(text string) (any, error) { return strconv.ParseFloat(text, 64) },
	"Duration": func(text string) (any, error) {
		if length, err := time.ParseDuration(text); err == nil {
			return length, nil
		}
		// Days, weeks and years are not Go's.
		length, err := model.ParseDuration(text)
		return time.Duration(length), err
	},
	"Word": func(text string) (any, error) {
		value, isKnown := constants[text]
		if !isKnown {
			return nil, fmt.Errorf("unknown identifier: %s", text)
		}
		return value, nil
	},
}

// constants also has the names of statuses and kinds.
var constants = map[string]any{"nil": absent{}, "true": true, "false": false}

func init() {
	for _, name := range statuses {
		constants[string(name)] = name
	}
	for _, name := range kinds {
		constants[string(name)] = name
	}
}
