package traceql

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"tracewright/embedded/tracing/store/memory"
)

// place is where an expression is evaluated: at a span, or for functions at a set of spans.
type place struct {
	*Spanset
	span int32
}

func (p place) at() *memory.Span { return &p.Trace.Spans[p.span] }

// noSpan is empty, as what is read of a root that has not arrived.
var noSpan = &memory.Span{Span: ptrace.NewSpan(), Resource: pcommon.NewResource()}

// Field is an attribute or an intrinsic of which a query speaks.
type Field struct {
	// Key is its name, without the scope of an attribute.
	Key string
	// sample is a value of its type; nil where only spans tell it.
	sample any
	get    func(place) any

	// conditions are what the query compares the field with. Answers show only values for which one holds.
	conditions []func(any) bool
	// isSelected says that they show it whatever it is.
	isSelected bool
}

// Scopes are what attributes hang on. A span has many events and links.
var Scopes = map[string]func(*memory.Span) []pcommon.Map{
	"span":            func(s *memory.Span) []pcommon.Map { return []pcommon.Map{s.Attributes()} },
	"resource":        func(s *memory.Span) []pcommon.Map { return []pcommon.Map{s.Resource.Attributes()} },
	"instrumentation": func(s *memory.Span) []pcommon.Map { return []pcommon.Map{s.Scope.Attributes()} },
	"event":           func(s *memory.Span) []pcommon.Map { return ofEach(s.Events(), ptrace.SpanEvent.Attributes) },
	"link":            func(s *memory.Span) []pcommon.Map { return ofEach(s.Links(), ptrace.SpanLink.Attributes) },
}

func ofEach[T, V any](list interface {
	Len() int
	At(int) T
}, get func(T) V) []V {
	values := make([]V, list.Len())
	for i := range values {
		values[i] = get(list.At(i))
	}
	return values
}

// joined is nil where there is no value, and a list only where there are several.
func joined[T any](values []T) any {
	switch len(values) {
	case 0:
		return nil
	case 1:
		return values[0]
	}
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return list
}

// Names of what OTLP numbers. Other numbers are taken for 0.
var (
	statuses = map[ptrace.StatusCode]Status{0: "unset", 1: "ok", 2: "error"}
	kinds    = map[ptrace.SpanKind]Kind{
		0: "unspecified", 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer",
	}
)

var intrinsics = map[string]Field{
	"span:name":            one(func(p place) string { return p.at().Name() }),
	"span:duration":        one(func(p place) time.Duration { return p.at().Duration() }),
	"span:status":          one(func(p place) Status { return cmp.Or(statuses[p.at().Status().Code()], statuses[0]) }),
	"span:statusMessage":   one(func(p place) string { return p.at().Status().Message() }),
	"span:kind":            one(func(p place) Kind { return cmp.Or(kinds[p.at().Kind()], kinds[0]) }),
	"span:id":              one(func(p place) string { return p.at().SpanID().String() }),
	"span:parentID":        one(func(p place) string { return p.at().ParentSpanID().String() }),
	"span:childCount":      one(func(p place) int64 { return int64(len(p.Tree().Children[p.span])) }),
	"nestedSetLeft":        one(func(p place) int64 { return int64(p.Tree().Left[p.span]) }),
	"nestedSetRight":       one(func(p place) int64 { return int64(p.Tree().Right[p.span]) }),
	"nestedSetParent":      one(nestedSetParent),
	"trace:id":             one(func(p place) string { return p.ID.String() }),
	"trace:duration":       one(func(p place) time.Duration { return p.Duration() }),
	"trace:rootName":       one(func(p place) string { return cmp.Or(p.Root, noSpan).Name() }),
	"trace:rootService":    one(func(p place) string { return cmp.Or(p.Root, noSpan).Service() }),
	"event:name":           several(func(p place) []string { return ofEach(p.at().Events(), ptrace.SpanEvent.Name) }),
	"event:timeSinceStart": several(timesSinceStart),
	"link:traceID": several(func(p place) []string {
		return ofEach(p.at().Links(), func(l ptrace.SpanLink) string { return l.TraceID().String() })
	}),
	"link:spanID": several(func(p place) []string {
		return ofEach(p.at().Links(), func(l ptrace.SpanLink) string { return l.SpanID().String() })
	}),
	"instrumentation:name":    one(func(p place) string { return p.at().Scope.Name() }),
	"instrumentation:version": one(func(p place) string { return p.at().Scope.Version() }),
}

func one[T any](get func(place) T) Field {
	return Field{sample: *new(T), get: func(p place) any { return get(p) }}
}

func several[T any](get func(place) []T) Field {
	return Field{sample: *new(T), get: func(p place) any { return joined(get(p)) }}
}

// nestedSetParent is that by which Grafana asks for root spans: { nestedSetParent < 0 }.
func nestedSetParent(p place) int64 {
	if parent := p.Tree().Parent[p.span]; parent != memory.None {
		return int64(p.Tree().Left[parent])
	}
	return -int64(min(1, p.Tree().Left[p.span]))
}

func timesSinceStart(p place) []time.Duration {
	return ofEach(p.at().Events(), func(e ptrace.SpanEvent) time.Duration {
		return time.Duration(e.Timestamp()) - time.Duration(p.at().StartTimestamp())
	})
}

// shortNames are those without a colon, which came first.
var shortNames = map[string]string{
	"name": "span:name", "duration": "span:duration", "status": "span:status", "statusMessage": "span:statusMessage",
	"kind": "span:kind", "childCount": "span:childCount", "traceDuration": "trace:duration", "rootName": "trace:rootName",
	"rootServiceName": "trace:rootService",
}

// Intrinsics are the names of those that are offered as tags, sorted.
func Intrinsics() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(intrinsics)), maps.Keys(shortNames))
	slices.Sort(names)
	return slices.DeleteFunc(names, func(name string) bool {
		return strings.HasPrefix(name, "nestedSet") || strings.HasSuffix(name, "hildCount")
	})
}

// attribute takes it as it is written: `span.http.url`, `.a`, `parent.resource."a b"`.
func attribute(written string) Field {
	scope, rest, _ := strings.Cut(written, ".")
	ofParent := scope == "parent"
	if ofParent {
		scope = ""
		if inner, after, found := strings.Cut(rest, "."); found && (inner == "span" || inner == "resource") {
			scope, rest = inner, after
		}
	}
	scopes := []string{scope}
	if scope == "" {
		scopes = []string{"span", "resource"}
	}
	name := unquoted(rest)
	return Field{Key: name, get: func(p place) any {
		if ofParent {
			p.span = p.Tree().Parent[p.span]
		}
		if p.span == memory.None {
			return nil
		}
		for _, scope := range scopes {
			if value := read(Scopes[scope](p.at()), name); value != nil {
				return value
			}
		}
		return nil
	}}
}

// read gives what the attributes have under a name.
func read(maps []pcommon.Map, name string) any {
	var values []any
	for _, attributes := range maps {
		if value, found := attributes.Get(name); found {
			if raw := value.AsRaw(); TypeOf(raw) != "" {
				values = append(values, raw)
			}
		}
	}
	return joined(values)
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// unquoted takes the quotes from the parts of a name that have them: a."b c".d
func unquoted(name string) string {
	return quoted.ReplaceAllStringFunc(name, func(part string) string {
		plain, err := strconv.Unquote(part)
		if err != nil {
			return part
		}
		return plain
	})
}
