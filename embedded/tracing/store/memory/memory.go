// Package memory keeps traces in memory, within a limit of bytes: the oldest trace goes first.
package memory

import (
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// What Go allocates for a trace and a span with our indexes, and for each byte that OTLP needs for it on the wire: the
// structures around names and values. Measured by TestCostIsMeasured.
const (
	traceCost = 400
	spanCost  = 200
	perByte   = 2
)

// Stats are gauges (Traces, Spans, Bytes) and counters since the start.
type Stats struct {
	Traces, Spans, Bytes                            int
	Received, TooLarge, EvictedTraces, EvictedSpans int
}

// Store is safe for concurrent use.
type Store struct {
	// Limit is for all traces together, TraceLimit for one: bytes of memory, estimated. Set them first.
	Limit, TraceLimit int

	mutex  sync.RWMutex
	stats  Stats
	traces map[pcommon.TraceID]*growing
	// order is that in which the first spans arrived.
	order []*growing
}

// growing is a trace to which spans may still be added.
type growing struct {
	Trace
	known map[spanKey]bool
	bytes int
}

// The two sides of a call of Zipkin share an id.
type spanKey struct {
	id   pcommon.SpanID
	kind ptrace.SpanKind
}

// Add keeps the spans, which must not be changed afterwards; those that it has already change nothing. The error says
// how many it had to discard.
func (s *Store) Add(traces ptrace.Traces) (err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	before := s.stats.TooLarge
	for i := range traces.ResourceSpans().Len() {
		resource := traces.ResourceSpans().At(i)
		for j := range resource.ScopeSpans().Len() {
			scope := resource.ScopeSpans().At(j)
			for k := range scope.Spans().Len() {
				span := Span{scope.Spans().At(k), resource.Resource(), scope.Scope()}
				if trace := s.trace(span.TraceID()); !s.keep(trace, span) {
					s.stats.TooLarge++
					err = fmt.Errorf("TRACE_TOO_LARGE: %d spans discarded, as trace %s has reached its limit of %d bytes",
						s.stats.TooLarge-before, trace.ID, s.TraceLimit)
				}
			}
		}
	}
	s.stats.Received += traces.SpanCount()
	s.evict()
	return err
}

// trace is in the store only once it has a span.
func (s *Store) trace(id pcommon.TraceID) *growing {
	if trace, known := s.traces[id]; known {
		return trace
	}
	return &growing{Trace: Trace{ID: id}, known: map[spanKey]bool{}, bytes: traceCost}
}

// keep says whether the trace still had room for the span.
func (s *Store) keep(trace *growing, span Span) bool {
	key, cost := spanKey{span.SpanID(), span.Kind()}, trace.costOf(span)
	if trace.known[key] || trace.bytes+cost > s.TraceLimit {
		return trace.known[key]
	}
	if len(trace.Spans) == 0 {
		if s.traces == nil {
			s.traces = map[pcommon.TraceID]*growing{}
		}
		s.traces[trace.ID] = trace
		s.order = append(s.order, trace)
		s.stats.Traces++
		s.stats.Bytes += traceCost
		trace.Start = span.StartTimestamp()
	}
	if span.ParentSpanID().IsEmpty() {
		trace.Root = &span
	}
	trace.known[key] = true
	trace.Spans = append(trace.Spans, span)
	trace.Start, trace.End = min(trace.Start, span.StartTimestamp()), max(trace.End, span.EndTimestamp())
	trace.bytes += cost
	s.stats.Bytes += cost
	s.stats.Spans++
	return true
}

// costOf a span, in bytes of memory, with its resource unless the span before it has the same.
func (t *growing) costOf(span Span) int {
	alone := ptrace.NewTraces()
	resource := alone.ResourceSpans().AppendEmpty()
	if last := len(t.Spans) - 1; last < 0 || t.Spans[last].Resource != span.Resource {
		span.Resource.CopyTo(resource.Resource())
	}
	span.CopyTo(resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty())
	return spanCost + perByte*(&ptrace.ProtoMarshaler{}).TracesSize(alone)
}

func (s *Store) evict() {
	for s.stats.Bytes > s.Limit {
		oldest := s.order[0]
		s.order[0], s.order = nil, s.order[1:]
		delete(s.traces, oldest.ID)
		s.stats.Bytes -= oldest.bytes
		s.stats.Traces--
		s.stats.Spans -= len(oldest.Spans)
		s.stats.EvictedTraces++
		s.stats.EvictedSpans += len(oldest.Spans)
	}
}

// snapshot is the trace as it is now: later spans are appended behind the end of its slice.
func (t *growing) snapshot() *Trace {
	trace := t.Trace
	return &trace
}

// Trace returns the trace as it is now, or nil.
func (s *Store) Trace(id pcommon.TraceID) *Trace {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if trace, known := s.traces[id]; known {
		return trace.snapshot()
	}
	return nil
}

// Traces returns all traces as they are now, in the order of their arrival.
func (s *Store) Traces() []*Trace {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	traces := make([]*Trace, len(s.order))
	for i, trace := range s.order {
		traces[i] = trace.snapshot()
	}
	return traces
}

// Stats returns what is counted now.
func (s *Store) Stats() Stats {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return s.stats
}
