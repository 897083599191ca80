package api

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-logfmt/logfmt"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"tracewright/embedded/tracing/store/memory"
	"tracewright/embedded/tracing/store/traceql"
)

// trace answers {"batches": […]}, in version 2 {"trace": {"resourceSpans": […]}}: as protobuf OTLP's TracesData,
// which version 2 wraps. An unknown id is a 404, in version 2 an empty trace.
func (s *Server) trace(q question) (any, error) {
	var id pcommon.TraceID
	digits, isV2 := q.PathValue("id"), strings.HasPrefix(q.URL.Path, "/api/v2/")
	if len(digits) > 2*len(id) {
		return nil, fmt.Errorf("trace ids have 1 to 32 hexadecimal digits, not %d", len(digits))
	}
	// Leading zeros may be missing.
	if _, err := hex.Decode(id[:], fmt.Appendf(nil, "%032s", digits)); err != nil {
		return nil, err
	}
	trace := s.store.Trace(id)
	if trace == nil && !isV2 {
		return nil, problem{errors.New("trace not found"), http.StatusNotFound}
	}
	encoded, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(cmp.Or(trace, &memory.Trace{}).Traces())
	if strings.Contains(q.Header.Get("Accept"), "application/protobuf") {
		if isV2 {
			encoded = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), encoded)
		}
		return protobuf(encoded), err
	}
	var message otlp.TracesData
	if err := cmp.Or(err, proto.Unmarshal(encoded, &message)); err != nil {
		return nil, err
	}
	// Not OTLP's own JSON: Tempo writes messages as protobuf's JSON, with ids in base64 and enumerations as names.
	text, err := protojson.Marshal(&message)
	if isV2 {
		return object{"trace": json.RawMessage(text), "metrics": object{}}, err
	}
	var fields struct{ ResourceSpans json.RawMessage }
	return object{"batches": &fields.ResourceSpans}, cmp.Or(err, json.Unmarshal(text, &fields))
}

// search answers `q`, TraceQL, or else `tags`, `minDuration` and `maxDuration`.
func (s *Server) search(q question) (any, error) {
	if q.limit == 0 {
		return nil, errors.New("invalid limit: at least 1")
	}
	hits := []object{}
	for result := range s.found(q) {
		hits = append(hits, q.hit(result))
		if len(hits) == q.limit {
			break
		}
	}
	return object{"traces": hits, "metrics": object{}}, nil
}

// hit is a trace that was found, and which of its spans, when the question is TraceQL.
func (q question) hit(result traceql.Result) object {
	trace := result.Trace
	hit := object{
		"traceID":           strings.TrimLeft(trace.ID.String(), "0"),
		"startTimeUnixNano": fmt.Sprint(uint64(trace.Start)),
		"durationMs":        trace.Duration().Milliseconds(),
		"rootServiceName":   "<root span not yet received>",
	}
	if root := trace.Root; root != nil {
		hit["rootServiceName"], hit["rootTraceName"] = root.Service(), root.Name()
	}
	if q.FormValue("q") == "" {
		return hit
	}
	services := map[string]serviceStats{}
	for _, span := range trace.Spans {
		stats := services[span.Service()]
		stats.SpanCount++
		if span.Status().Code() == ptrace.StatusCodeError {
			stats.ErrorCount++
		}
		services[span.Service()] = stats
	}
	sets := []object{}
	for _, set := range result.Sets {
		spans, attributes := []object{}, []object(nil)
		for _, place := range set.Spans[:min(q.spans, len(set.Spans))] {
			spans = append(spans, q.span(set, place))
		}
		for _, it := range set.Attributes {
			attributes = append(attributes, object{"key": it.Key, "value": jsonOf(it.Value)})
		}
		sets = append(sets, object{"spans": spans, "matched": len(set.Spans), "attributes": attributes})
	}
	hit["serviceStats"], hit["spanSets"], hit["spanSet"] = services, sets, sets[0]
	return hit
}

type serviceStats struct {
	SpanCount  int `json:"spanCount"`
	ErrorCount int `json:"errorCount,omitempty"`
}

// Intrinsics that answers show under another key, and those that they do not show.
var shownKeys = map[string]string{"span:status": "status", "span:kind": "kind", "span:statusMessage": "statusMessage"}
var hidden = []string{"span:duration", "span:id", "trace:id", "trace:duration", "trace:rootName", "trace:rootService"}

func (q question) span(set traceql.Spanset, place int32) object {
	span := &set.Trace.Spans[place]
	shown := object{"spanID": span.SpanID().String(), "startTimeUnixNano": fmt.Sprint(uint64(span.StartTimestamp()))}
	if span.Duration() > 0 {
		shown["durationNanos"] = fmt.Sprint(span.Duration().Nanoseconds())
	}
	attributes := []object(nil)
	for _, field := range q.query.Fields {
		switch value, isShown := set.Shown(field, place); {
		case !isShown || slices.Contains(hidden, field.Key):
		case field.Key == "span:name":
			shown["name"] = value
		default:
			attributes = append(attributes, object{"key": cmp.Or(shownKeys[field.Key], field.Key), "value": jsonOf(value)})
		}
	}
	shown["attributes"] = attributes
	return shown
}

// jsonOf writes a value as protobuf's JSON does.
func jsonOf(value any) map[string]any {
	switch it := value.(type) {
	case nil:
		return map[string]any{"stringValue": "nil"}
	case int64:
		return map[string]any{"intValue": fmt.Sprint(it)}
	case float64:
		// With NaN and Infinity.
		text, _ := protojson.Marshal(wrapperspb.Double(it))
		return map[string]any{"doubleValue": json.RawMessage(text)}
	case bool:
		return map[string]any{"boolValue": it}
	case []any:
		values := []any{}
		for _, element := range it {
			values = append(values, jsonOf(element))
		}
		return map[string]any{"arrayValue": object{"values": values}}
	}
	return map[string]any{"stringValue": fmt.Sprint(value)}
}

// queryOfTags makes TraceQL of the search of the time before it: of `tags` in logfmt each must be on some span.
func queryOfTags(r *http.Request) (string, error) {
	conditions := []string{"{}"}
	tags := logfmt.NewDecoder(strings.NewReader(r.FormValue("tags")))
	for tags.ScanRecord() {
		for tags.ScanKeyval() {
			conditions = append(conditions, conditionOfTag(string(tags.Key()), string(tags.Value())))
		}
	}
	for name, operator := range map[string]string{"minDuration": ">=", "maxDuration": "<="} {
		if given := r.FormValue(name); given != "" {
			limit, err := time.ParseDuration(given)
			if err != nil {
				return "", fmt.Errorf("invalid %s: %w", name, err)
			}
			conditions = append(conditions, fmt.Sprintf("{ traceDuration %s %dns }", operator, limit))
		}
	}
	return strings.Join(conditions, " && "), tags.Err()
}

// tagFields are what TraceQL calls tags that are no attributes.
var tagFields = map[string]string{
	"name": "name", "status.code": "status", "root.name": "rootName", "root.service.name": "rootServiceName",
}

func fieldOfTag(name string) string { return cmp.Or(tagFields[name], "."+strconv.Quote(name)) }

// conditionOfTag finds texts that contain the value, and what else is written like it.
func conditionOfTag(name, value string) string {
	field := fieldOfTag(name)
	if field == "status" {
		return "{ status = " + value + " }"
	}
	condition := field + " =~ " + strconv.Quote(".*"+regexp.QuoteMeta(value)+".*")
	if _, err := strconv.ParseFloat(value, 64); field[0] == '.' && (err == nil || value == "true" || value == "false") {
		condition += " || " + field + " = " + value
	}
	return "{ " + condition + " }"
}
