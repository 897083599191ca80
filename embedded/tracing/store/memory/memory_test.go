package memory

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func idOf(number int) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[8:], uint64(number))
	return id
}

func spanIDOf(number int) (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], uint64(number))
	return id
}

// batch has spans of one trace with the ids from+1 … from+count, each the child of the one before it.
func batch(trace, from, count int) ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "demo")
	spans := resource.ScopeSpans().AppendEmpty().Spans()
	for i := from + 1; i <= from+count; i++ {
		span := spans.AppendEmpty()
		span.SetTraceID(idOf(trace))
		span.SetSpanID(spanIDOf(i))
		if i > 1 {
			span.SetParentSpanID(spanIDOf(i - 1))
		}
		span.SetName(fmt.Sprintf("span %d", i))
		span.Attributes().PutStr("http.url", strings.Repeat("x", 40))
		span.Attributes().PutInt("http.status_code", int64(i))
	}
	return traces
}

func TestOldestTracesGoFirstAndAreCounted(t *testing.T) {
	store := &Store{Limit: 100_000, TraceLimit: 100_000}
	for trace := 1; trace <= 50; trace++ {
		if err := store.Add(batch(trace, 0, 10)); err != nil {
			t.Fatal(err)
		}
		if stats := store.Stats(); stats.Bytes > store.Limit {
			t.Fatalf("%d bytes", stats.Bytes)
		}
	}
	stats := store.Stats()
	if stats.EvictedTraces == 0 || stats.Traces+stats.EvictedTraces != 50 || stats.Spans+stats.EvictedSpans != 500 || stats.Received != 500 {
		t.Fatalf("%+v", stats)
	}
	for trace := 1; trace <= 50; trace++ {
		if kept := store.Trace(idOf(trace)) != nil; kept != (trace > stats.EvictedTraces) {
			t.Errorf("trace %d kept: %v, %d are gone", trace, kept, stats.EvictedTraces)
		}
	}
}

func TestTraceThatIsTooLargeLosesWhatIsTooMuch(t *testing.T) {
	store := &Store{Limit: 1 << 20, TraceLimit: 20_000}
	err := store.Add(batch(1, 0, 100))
	stats := store.Stats()
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d spans discarded", stats.TooLarge)) || stats.Spans+stats.TooLarge != 100 || stats.Spans == 0 {
		t.Fatal(err, stats)
	}
	if err := store.Add(batch(2, 0, 3)); err != nil || len(store.Trace(idOf(2)).Spans) != 3 {
		t.Fatal("another trace suffers", err)
	}
	tiny := &Store{Limit: 1 << 20, TraceLimit: 10}
	if err := tiny.Add(batch(1, 0, 1)); err == nil || tiny.Stats().Traces != 0 || len(tiny.Traces()) != 0 {
		t.Fatal("an empty trace is left", err)
	}
}

func TestBatchesThatComeTwiceCountOnce(t *testing.T) {
	store := &Store{Limit: 1 << 20, TraceLimit: 1 << 20}
	for range 2 {
		_ = store.Add(batch(1, 0, 10))
	}
	before := store.Stats()
	_ = store.Add(batch(1, 0, 12))
	if after := store.Stats(); before.Spans != 10 || after.Spans != 12 || len(store.Trace(idOf(1)).Spans) != 12 {
		t.Fatal(before, after)
	}
}

// Nor are spans discarded that are kept already, when their trace has no room for others.
func TestBatchesThatComeTwiceAreNotTooLarge(t *testing.T) {
	store := &Store{Limit: 1 << 20, TraceLimit: 1 << 20}
	_ = store.Add(batch(1, 0, 10))
	store.TraceLimit = store.Stats().Bytes
	if err := store.Add(batch(1, 0, 10)); err != nil || store.Stats().TooLarge != 0 {
		t.Fatal(err, store.Stats())
	}
	if err := store.Add(batch(1, 10, 1)); err == nil || store.Stats().TooLarge != 1 {
		t.Fatal(err, store.Stats())
	}
}

func TestSnapshotsDoNotGrow(t *testing.T) {
	store := &Store{Limit: 1 << 30, TraceLimit: 1 << 30}
	_ = store.Add(batch(1, 0, 10))
	trace := store.Trace(idOf(1))
	done := make(chan bool)
	go func() {
		for i := range 200 {
			_ = store.Add(batch(1, 10+10*i, 10))
		}
		close(done)
	}()
	for range 200 {
		for i := range trace.Spans {
			_ = trace.Spans[i].Name()
		}
	}
	<-done
	if len(trace.Spans) != 10 || trace.Traces().SpanCount() != 10 || store.Trace(idOf(1)).Traces().SpanCount() != 2010 {
		t.Fatal(len(trace.Spans))
	}
}

// What is counted is near to what Go really allocates.
func TestCostIsMeasured(t *testing.T) {
	heap := func() int {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	store := &Store{Limit: 1 << 30, TraceLimit: 1 << 30}
	before := heap()
	for trace := range 2000 {
		// As a receiver makes it, with memory of its own for each text.
		bytes, _ := (&ptrace.ProtoMarshaler{}).MarshalTraces(batch(trace, 0, 25))
		traces, _ := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(bytes)
		_ = store.Add(traces)
	}
	used, counted := heap()-before, store.Stats().Bytes
	t.Logf("%d bytes counted, %d used", counted, used)
	if ratio := float64(used) / float64(counted); ratio < 0.7 || ratio > 1.3 {
		t.Fatalf("%d bytes counted, %d used: %.2f", counted, used, ratio)
	}
	runtime.KeepAlive(store)
}

func TestTreeOfADeepTrace(t *testing.T) {
	store := &Store{Limit: 1 << 30, TraceLimit: 1 << 30}
	const depth = 130_000
	_ = store.Add(batch(1, 0, depth))
	tree := store.Trace(idOf(1)).Tree()
	last := depth - 1
	if tree.Parent[0] != None || tree.Parent[last] != int32(last-1) || tree.Left[0] != 1 || tree.Right[0] != 2*depth || tree.Left[last] != depth {
		t.Fatal(tree.Parent[last], tree.Left[last], tree.Right[0])
	}
}

func TestTreeOfSpansThatAreEachOthersAncestors(t *testing.T) {
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for _, it := range [][2]int{{1, 3}, {2, 1}, {3, 2}, {4, 1}, {5, 5}, {6, 77}} {
		span := spans.AppendEmpty()
		span.SetTraceID(idOf(1))
		span.SetSpanID(spanIDOf(it[0]))
		span.SetParentSpanID(spanIDOf(it[1]))
	}
	store := &Store{Limit: 1 << 20, TraceLimit: 1 << 20}
	_ = store.Add(traces)
	tree := store.Trace(idOf(1)).Tree()
	if len(tree.Order) != 6 || fmt.Sprint(tree.Parent) != "[-1 0 1 0 -1 -1]" || fmt.Sprint(tree.Left) != "[0 0 0 0 0 0]" {
		t.Fatal(tree)
	}
}
