package traceql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
	"tracewright/embedded/tracing/store/memory"
)

// Spanset is a set of spans of one trace, by their places in it, ascending.
type Spanset struct {
	*memory.Trace
	Spans []int32
	// Attributes are what a pipeline has found out about the set as a whole.
	Attributes []Attribute
}

type Attribute struct {
	Key   string
	Value any
}

// with is the set with other spans.
func (s Spanset) with(spans []int32) []Spanset { return []Spanset{{s.Trace, spans, s.Attributes}} }

// note keeps what was found out last under a key, and changes no other set with the same attributes.
func (s *Spanset) note(key string, value any) {
	others := slices.DeleteFunc(slices.Clone(s.Attributes), func(it Attribute) bool { return it.Key == key })
	s.Attributes = append(others, Attribute{key, value})
}

// where gives the spans for which the condition holds.
func (s Spanset) where(condition func(place) bool) (kept []int32) {
	for _, span := range s.Spans {
		if condition(place{&s, span}) {
			kept = append(kept, span)
		}
	}
	return kept
}

// union gives the spans that are in one of the sets, which are []Spanset.
func (s Spanset) union(sets ...any) Spanset {
	var lists [][]int32
	for _, it := range sets {
		for _, set := range it.([]Spanset) {
			lists = append(lists, set.Spans)
		}
	}
	s.Spans = slices.Concat(lists...)
	if len(lists) > 1 {
		slices.Sort(s.Spans)
		s.Spans = slices.Compact(s.Spans)
	}
	return s
}

// inverses are the structural operators, with what the left side is to the right where they hold.
var inverses = map[string]string{">": "<", "<": ">", ">>": "<<", "<<": ">>", "~": "~"}

// combination joins what is found on both sides in the same set.
func combination(at lexer.Position, operator string, left, right expr) expr {
	relation := strings.TrimLeft(operator, "!&")
	inverse, isRelation := inverses[relation]
	if !isRelation && operator != "&&" && operator != "||" {
		fail(at, "%s does not stand between spansets", operator)
	}
	return expr{sample: left.sample, get: func(p place) any {
		a, b := p.union(left.get(p)), p.union(right.get(p))
		switch both := []Spanset{a, b}; {
		case operator == "&&" && (len(a.Spans) == 0 || len(b.Spans) == 0):
			return p.with(nil)
		case !isRelation:
			return p.with(p.union(both).Spans)
		case operator[0] == '&':
			return p.with(p.union([]Spanset{b.related(inverse, a, true), a.related(relation, b, true)}).Spans)
		}
		return p.with(a.related(relation, b, operator[0] != '!').Spans)
	}}
}

// related leaves those of the spans of which one of the set is the parent (>), an ancestor (>>), a child (<), a
// descendant (<<), or another child of the same parent (~); or those of which none is. It takes two passes over the
// tree, however deep it is.
func (s Spanset) related(relation string, spans Spanset, wanted bool) Spanset {
	tree, count := s.Tree(), len(s.Trace.Spans)
	// How many of the set are at a span, above it, and below it; by one step only for the short relations.
	at, above, below := make([]int32, count), make([]int32, count), make([]int32, count)
	further := int32(len(relation) - 1)
	for _, span := range s.Spans {
		at[span] = 1
	}
	for _, span := range tree.Order {
		if parent := tree.Parent[span]; parent != memory.None {
			above[span] = at[parent] + further*above[parent]
		}
	}
	for _, span := range slices.Backward(tree.Order) {
		if parent := tree.Parent[span]; parent != memory.None {
			below[parent] += at[span] + further*below[span]
		}
	}
	spans.Spans = spans.where(func(p place) bool {
		switch parent := tree.Parent[p.span]; relation[0] {
		case '>':
			return above[p.span] > 0 == wanted
		case '<':
			return below[p.span] > 0 == wanted
		default:
			return (parent != memory.None && below[parent] > at[p.span]) == wanted
		}
	})
	return spans
}

// Result is what a query has found in a trace.
type Result struct {
	Trace *memory.Trace
	Sets  []Spanset
}

// Find returns the spansets that match; none where the trace does not.
func (q *Query) Find(trace *memory.Trace) Result {
	all := &Spanset{Trace: trace, Spans: make([]int32, len(trace.Spans))}
	for i := range all.Spans {
		all.Spans[i] = int32(i)
	}
	return Result{trace, q.get(place{Spanset: all}).([]Spanset)}
}

// Value of a field of a span.
func (s Spanset) Value(of *Field, span int32) any { return of.get(place{&s, span}) }

// Shown is what an answer shows of a field: as in Tempo, one value that the query has asked for, or nothing.
func (s Spanset) Shown(of *Field, span int32) (value any, isShown bool) {
	value = s.Value(of, span)
	if of.isSelected || value == nil || len(of.conditions) == 0 {
		return value, of.isSelected || value != nil
	}
	for _, it := range Elements(value) {
		if slices.ContainsFunc(of.conditions, func(holds func(any) bool) bool { return holds(it) }) {
			return it, true
		}
	}
	return nil, false
}

// pipeline gives the sets that are left after its last stage, or a number that the last counts in them all.
func (c *compiler) pipeline(it *pipeline) expr {
	var stages []expr
	var last expr
	for i, written := range it.Stages {
		last = c.expression(written, false)
		if last.typ() == "spanset" || last.isCondition() {
			stages = append(stages, last)
		} else if i < len(it.Stages)-1 {
			fail(last.pos, "a number does not stand alone in a pipeline: compare it with one")
		}
	}
	run := func(p place) any {
		sets := []Spanset{*p.Spanset}
		for _, stage := range stages {
			sets = stage.through(sets)
		}
		return sets
	}
	if len(stages) == len(it.Stages) {
		return expr{sample: []Spanset{}, get: run}
	}
	return expr{sample: last.sample, get: func(p place) any {
		within := p.union(run(p))
		value := last.get(place{Spanset: &within})
		p.Attributes = within.Attributes
		return value
	}}
}

// through is what a stage makes of sets: others, or those for which its condition holds; none of them empty.
func (e expr) through(sets []Spanset) (found []Spanset) {
	if e.isCoalesce && len(sets) > 1 {
		whole := Spanset{Trace: sets[0].Trace}
		return whole.with(whole.union(sets).Spans)
	}
	for _, set := range sets {
		switch it := e.get(place{Spanset: &set}).(type) {
		case []Spanset:
			found = append(found, it...)
		case bool:
			if it {
				found = append(found, set)
			}
		}
	}
	return slices.DeleteFunc(found, func(set Spanset) bool { return len(set.Spans) == 0 })
}

func (c *compiler) filter(it *operand) expr {
	condition := constant(true)
	if it.Condition != nil {
		condition = c.expression(it.Condition, true)
	}
	if !condition.isCondition() {
		fail(it.Pos, "in braces stands a condition, not %s", condition.typ())
	}
	return expr{sample: []Spanset{}, get: func(p place) any {
		return p.with(p.where(func(p place) bool { return condition.get(p) == true }))
	}}
}

// arities say how many arguments functions take; -1: one or more.
var arities = map[string]int{"count": 0, "coalesce": 0, "by": 1, "select": -1, "avg": 1, "min": 1, "max": 1, "sum": 1}

func (c *compiler) function(it *operand) expr {
	arity, isKnown := arities[it.Word]
	switch {
	case !isKnown:
		fail(it.Pos, "unknown function: %s", it.Word)
	case arity != len(it.Arguments) && (arity >= 0 || len(it.Arguments) == 0):
		fail(it.Pos, "%s() has the wrong number of arguments", it.Word)
	}
	arguments := make([]expr, len(it.Arguments))
	for i, argument := range it.Arguments {
		arguments[i] = c.expression(argument, true)
	}
	all := expr{sample: []Spanset{}, get: func(p place) any { return []Spanset{*p.Spanset} }}
	key, sample := it.text(), any(int64(0))
	switch it.Word {
	case "select":
		for _, argument := range arguments {
			if argument.field == nil {
				fail(argument.pos, "select() takes attributes")
			}
			argument.field.isSelected = true
		}
		return all
	case "coalesce":
		all.isCoalesce = true
		return all
	case "by":
		if arguments[0].isConstant {
			fail(it.Pos, "by() takes an attribute")
		}
		all.get = func(p place) any { return groups(p, arguments[0], key) }
		return all
	case "avg", "min", "max", "sum":
		sample = cmp.Or(arguments[0].sample, sample)
		if _, isNumber := number(sample); !isNumber {
			fail(it.Pos, "%s() takes numbers, not %s", it.Word, arguments[0].typ())
		}
	}
	return expr{sample: sample, get: func(p place) any {
		value := any(int64(len(p.Spans)))
		if it.Word != "count" {
			value = fold(it.Word, p, arguments[0])
		}
		p.note(key, value)
		return value
	}}
}

// groups has a set for each value.
func groups(p place, by expr, key string) (sets []Spanset) {
	places := map[string]int{}
	for _, p.span = range p.Spans {
		value := by.get(p)
		id := fmt.Sprintf("%T %v", value, value)
		at, known := places[id]
		if !known {
			at = len(sets)
			places[id] = at
			sets = append(sets, p.with(nil)...)
			sets[at].note(key, value)
		}
		sets[at].Spans = append(sets[at].Spans, p.span)
	}
	return sets
}

// fold leaves out what is no number; of none at all there is no value.
func fold(function string, p place, of expr) (result any) {
	count := 0.0
	for _, p.span = range p.Spans {
		for _, value := range Elements(of.get(p)) {
			if _, isNumber := number(value); !isNumber {
				continue
			}
			count++
			order, _ := compare(value, result)
			switch {
			case count == 1, function == "min" && order == -1, function == "max" && order == 1:
				result = value
			case function == "sum", function == "avg":
				result, _ = operators["+"].apply(result, value)
			}
		}
	}
	if function == "avg" {
		result, _ = operators["/"].apply(result, count)
	}
	return result
}
