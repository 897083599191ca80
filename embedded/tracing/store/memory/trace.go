package memory

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Span is a span with what it came in.
type Span struct {
	ptrace.Span
	Resource pcommon.Resource
	Scope    pcommon.InstrumentationScope
}

// Service is the name of the service that made the span, or "".
func (s *Span) Service() string {
	if name, found := s.Resource.Attributes().Get("service.name"); found {
		return name.AsString()
	}
	return ""
}

// Duration is 0 for a span that was never ended.
func (s *Span) Duration() time.Duration {
	return max(0, time.Duration(s.EndTimestamp())-time.Duration(s.StartTimestamp()))
}

// Trace is what has arrived of a trace; for one goroutine.
type Trace struct {
	ID    pcommon.TraceID
	Spans []Span
	// Nanoseconds since 1970.
	Start, End pcommon.Timestamp
	// Root is the span without a parent, or nil while it has not arrived; of several, as in Tempo, the last.
	Root *Span

	tree *Tree
}

// Duration of the whole trace.
func (t *Trace) Duration() time.Duration {
	return max(0, time.Duration(t.End)-time.Duration(t.Start))
}

// Traces returns the trace as OTLP: spans under the resource and scope that they came in.
func (t *Trace) Traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	var resource ptrace.ResourceSpans
	var scope ptrace.ScopeSpans
	for i, span := range t.Spans {
		sameResource := i > 0 && span.Resource == t.Spans[i-1].Resource
		if !sameResource {
			resource = traces.ResourceSpans().AppendEmpty()
			span.Resource.CopyTo(resource.Resource())
		}
		if !sameResource || span.Scope != t.Spans[i-1].Scope {
			scope = resource.ScopeSpans().AppendEmpty()
			span.Scope.CopyTo(scope.Scope())
		}
		span.CopyTo(scope.Spans().AppendEmpty())
	}
	return traces
}

// None stands for a span that is not there.
const None int32 = -1

// Tree says how the spans of a trace hang together, by their places in Trace.Spans.
type Tree struct {
	// Parent is None for roots and where the parent is missing.
	Parent   []int32
	Children [][]int32
	// Order has every parent before its children.
	Order []int32
	// Left and Right number the spans that hang on a root in the order of a walk through the tree, from 1: a span lies
	// below another when its numbers lie between those of the other. 0 where no root is above.
	Left, Right []int32
}

// Tree is made when it is first asked for, without recursion, in linear time. Of spans that are each other's ancestors
// one stays without a parent.
func (t *Trace) Tree() *Tree {
	if t.tree == nil {
		t.tree = t.newTree()
	}
	return t.tree
}

func (t *Trace) newTree() *Tree {
	count := len(t.Spans)
	tree := &Tree{make([]int32, count), make([][]int32, count), nil, make([]int32, count), make([]int32, count)}
	places := make(map[pcommon.SpanID]int32, count)
	for i, span := range slices.Backward(t.Spans) {
		places[span.SpanID()] = int32(i)
	}
	for i, span := range t.Spans {
		parent, known := places[span.ParentSpanID()]
		if !known || span.ParentSpanID().IsEmpty() || parent == int32(i) {
			tree.Parent[i] = None
		} else {
			tree.Parent[i] = parent
			tree.Children[parent] = append(tree.Children[parent], int32(i))
		}
	}
	seen, number := make([]bool, count), int32(0)
	walk := func(top int32, step int32) {
		for stack := []int32{top}; len(stack) > 0; {
			span := stack[len(stack)-1]
			number += step
			if seen[span] {
				tree.Right[span] = number * step
				stack = stack[:len(stack)-1]
				continue
			}
			seen[span] = true
			tree.Order = append(tree.Order, span)
			tree.Left[span] = number * step
			for _, child := range slices.Backward(tree.Children[span]) {
				if !seen[child] {
					stack = append(stack, child)
				}
			}
		}
	}
	for i, span := range t.Spans {
		if span.ParentSpanID().IsEmpty() {
			walk(int32(i), 1)
		} else if tree.Parent[i] == None {
			walk(int32(i), 0)
		}
	}
	for i := range t.Spans {
		if !seen[i] {
			tree.Parent[i] = None
			walk(int32(i), 0)
		}
	}
	return tree
}
