package traceql

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"tracewright/embedded/tracing/store/memory"
)

func TestErrorsNameThePlace(t *testing.T) {
	for query, place := range map[string][2]int{
		"{":                                  {1, 2},
		"{ name = }":                         {1, 8},
		"{ foo = 1 }":                        {1, 3},
		"{ .a = 1 &&\n  name > 5 }":          {2, 8},
		"{ name =~ \"(\" }":                  {1, 11},
		"{} |\n\n  foo() > 1":                {3, 3},
		"{} | rate()":                        {1, 6},
		"{} | rate() by (resource.a)":        {1, 13},
		"{} | count()":                       {1, 1},
		"{} | count() | {}":                  {1, 6},
		"{ kind = server } §":                {1, 19},
		"{ .a = \"unclosed }":                {1, 8},
		"{} > 1":                             {1, 4},
		"{ 1 }":                              {1, 1},
		"{ {} }":                             {1, 3},
		"{ .a > nil }":                       {1, 6},
		"{ -name = 1 }":                      {1, 3},
		"":                                   {1, 1},
		"name":                               {1, 1},
		"{ .a = 99999999999999999999 }":      {1, 8},
		"{} | by(1)":                         {1, 6},
		"{} | by(nil)":                       {1, 6},
		"{} | select(.a + 1)":                {1, 13},
		"{} | count() + 1 | {}":              {1, 6},
		"{ nil }":                            {1, 1},
		"!{}":                                {1, 1},
		"{ .a = event:nothing }":             {1, 8},
		"{ status >= ok }":                   {1, 10},
		"{ .a + name = 2 }":                  {1, 6},
		"{ kind = error }":                   {1, 8},
		"{ .a = 1 } with (a=1, b={})":        {1, 25},
		strings.Repeat("(", maxQueryBytes+1): {1, 1},
	} {
		_, err := Parse(query)
		failure, isError := err.(*Error)
		if !isError || failure.Line != place[0] || failure.Column != place[1] {
			t.Errorf("%.40q: %v, not at %v", query, err, place)
		}
	}
}

// chain has spans of which each is the child of the one before it.
func chain(count int) *memory.Trace {
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	id := func(number int) (id pcommon.SpanID) {
		binary.BigEndian.PutUint64(id[:], uint64(number))
		return id
	}
	for i := range count {
		span := spans.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1})
		span.SetSpanID(id(i + 1))
		if i > 0 {
			span.SetParentSpanID(id(i))
		}
		span.SetName("step")
		span.Attributes().PutInt("level", int64(i))
	}
	store := &memory.Store{Limit: 1 << 30, TraceLimit: 1 << 30}
	if err := store.Add(traces); err != nil {
		panic(err)
	}
	return store.Traces()[0]
}

// family is a root with the attribute path, and its child with two events, a link and a list.
func family() *memory.Trace {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().Attributes().PutStr("lib", "x")
	for i, name := range []string{"root", "child"} {
		span := scope.Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1})
		span.SetSpanID(pcommon.SpanID{byte(i + 1)})
		span.SetName(name)
		span.SetEndTimestamp(pcommon.Timestamp(100 * (i + 1)))
		span.Attributes().PutStr("owner", "shop")
		if i == 0 {
			span.Attributes().PutStr("path", `/a\d`)
			span.Status().SetCode(ptrace.StatusCodeError)
			continue
		}
		span.SetParentSpanID(pcommon.SpanID{1})
		for number := range int64(2) {
			event := span.Events().AppendEmpty()
			event.SetName("try")
			event.Attributes().PutInt("number", number+1)
		}
		span.Links().AppendEmpty().Attributes().PutStr("why", "retry")
		span.Attributes().PutEmptySlice("list").FromRaw([]any{"x", "y"})
		span.Attributes().PutEmptySlice("empty")
	}
	store := &memory.Store{Limit: 1 << 20, TraceLimit: 1 << 20}
	if err := store.Add(traces); err != nil {
		panic(err)
	}
	return store.Traces()[0]
}

func TestWhatIsFound(t *testing.T) {
	trace := family()
	for query, found := range map[string]string{
		// Fields of both sides.
		"{ name = rootName }":                              "root",
		"{ .owner = resource.service.name }":               "root child",
		"{ rootServiceName = .owner && name != rootName }": "child",
		// A field that the query has named before.
		"{ status = error } | by(status)":                "root",
		"{ kind != nil } | by(kind) | count() = 2":       "root child",
		"{ event:name = \"try\" } | select(event:name) ": "child",
		// Texts.
		"{ .path = `/a\\d` }":     "root",
		"{ .path = \"/a\\\\d\" }": "root",
		"{ .path =~ `/a\\\\d` }":  "root",
		"{ .path =~ `/a` }":       "",
		"{ name !~ `ro|chi` }":    "root child",
		// Every scope; of events, links and lists one must be so.
		"{ span.owner = \"shop\" && instrumentation.lib = \"x\" }":          "root child",
		"{ parent.path != nil && parent.resource.service.name = \"shop\" }": "child",
		"{ event.number = 2 && link.why = \"retry\" }":                      "child",
		"{ event.number + 0 = 1 }":                                          "",
		"{ event.number = nil }":                                            "root",
		"{ event.number != nil }":                                           "child",
		"{ .list = \"y\" }":                                                 "child",
		"{ .list != nil && .empty != nil }":                                 "child",
		"{ .missing != \"x\" }":                                             "",
		"{ !(.missing = 1) }":                                               "root child",
		// Numbers.
		"{} | max(event.number) = 2":                                "root child",
		"({ name = \"child\" } | count()) = 1":                      "root child",
		"({} | count()) > ({ status = error } | count())":           "root child",
		"{} | count() > 1 && max(duration) - min(duration) = 100ns": "root child",
		"{ 2 ^ 3 ^ 2 = 512 && 7 - 2 - 1 = 4 && 1 + 2 * 3 = 7 }":     "root child",
		"{ nestedSetParent < 0 } > { duration = 200ns }":            "child",
	} {
		parsed, err := Parse(query)
		if err != nil {
			t.Error(query, err)
			continue
		}
		names := []string{}
		for _, set := range parsed.Find(trace).Sets {
			for _, span := range set.Spans {
				names = append(names, trace.Spans[span].Name())
			}
		}
		if got := strings.Join(names, " "); got != found {
			t.Errorf("%s finds %q, not %q", query, got, found)
		}
	}
}

// As in Tempo, answers show of a list what was asked for, and all of what was selected.
func TestWhatIsShown(t *testing.T) {
	trace := family()
	for query, shown := range map[string]string{
		`{ .list = "y" }`:                         "list=y",
		`{ .list = "y" } | select(.list)`:         "list=[x y]",
		`{ .list != nil } | select(event.number)`: "list=[x y] number=[1 2]",
		`{ .list = "y" || .owner = "other" }`:     "list=y",
		`{ .list != nil && .missing = nil }`:      "list=[x y]",
		`{ .list != nil } | select(.missing)`:     "list=[x y] missing=<nil>",
	} {
		parsed, err := Parse(query)
		if err != nil {
			t.Fatal(query, err)
		}
		set, fields := parsed.Find(trace).Sets[0], []string{}
		for _, field := range parsed.Fields {
			if value, isShown := set.Shown(field, set.Spans[0]); isShown {
				fields = append(fields, fmt.Sprintf("%s=%v", field.Key, value))
			}
		}
		if got := strings.Join(fields, " "); got != shown {
			t.Errorf("%s shows %q, not %q", query, got, shown)
		}
	}
}

// Neither the depth of a trace nor its width makes anything overflow or quadratic.
func TestLargeTraces(t *testing.T) {
	trace := chain(130_000)
	for query, matched := range map[string]int{
		"{ .level = 0 } >> {}":         129_999,
		"{} << { .level < 10 }":        10,
		"{} > {}":                      129_999,
		"{} < {}":                      129_999,
		"{} &>> {}":                    130_000,
		"{} ~ {}":                      0,
		"{} | by(.level) | coalesce()": 130_000,
		"{} | max(.level) > 129998":    130_000,
		"{ parent.level = 129998 }":    1,
		"({} | count() > 5) && { nestedSetParent < 0 }": 130_000,
		"{ rootName = \"step\" && traceDuration < 1s }": 130_000,
	} {
		start := time.Now()
		parsed, err := Parse(query)
		if err != nil {
			t.Fatal(query, err)
		}
		found := 0
		for _, set := range parsed.Find(trace).Sets {
			found += len(set.Spans)
		}
		if found != matched {
			t.Errorf("%s: %d, not %d", query, found, matched)
		}
		// A quadratic one would take a minute.
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", query, took)
		}
	}
}

func TestLongQueries(t *testing.T) {
	trace := chain(10)
	for _, query := range []string{
		"{ .level = 1" + strings.Repeat(" || .level = 2", 4000) + " }",
		"{ " + strings.Repeat("(", 10_000) + ".level = 1" + strings.Repeat(")", 10_000) + " }",
		"{ " + strings.Repeat("!", 10_000) + "(.level = 1) }",
		strings.Repeat("(", 10_000) + "{}" + strings.Repeat(")", 10_000),
		strings.Repeat("{} | ", 10_000) + "{}",
		strings.Repeat("{} && ", 10_000) + "{}",
		"{}" + strings.Repeat(" | count() > 0", 4600),
		"{ .level = " + strings.Repeat("1 ^ ", 10_000) + ".level || true }",
		strings.Repeat("{} >> ", 9) + "{}",
	} {
		start := time.Now()
		parsed, err := Parse(query)
		if err != nil {
			t.Fatalf("%.30s: %v", query, err)
		}
		if sets := parsed.Find(trace).Sets; len(sets) != 1 {
			t.Errorf("%.30s: %d", query, len(sets))
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%.30s took %s", query, took)
		}
	}
}
