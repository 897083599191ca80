// Package api answers the part of Tempo's HTTP API that Grafana and Tracewright use.
package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"tracewright/embedded/tracing/store/memory"
	"tracewright/embedded/tracing/store/traceql"
)

// Version of the store, as its image has it.
const Version = "0.1.0"

// Server answers from what a store keeps.
type Server struct {
	http.Handler
	// Ready says whether spans can be received.
	Ready atomic.Bool
	store *memory.Store
}

func New(store *memory.Store) *Server {
	mux := http.NewServeMux()
	s := &Server{Handler: mux, store: store}
	for path, answer := range map[string]func(question) (any, error){
		"/ready":                           s.ready,
		"/status":                          s.status,
		"/status/version":                  s.status,
		"/api/echo":                        func(question) (any, error) { return "echo", nil },
		"/api/status/buildinfo":            buildInfo,
		"/api/traces/{id}":                 s.trace,
		"/api/v2/traces/{id}":              s.trace,
		"/api/search":                      s.search,
		"/api/search/tags":                 s.tagsV1,
		"/api/v2/search/tags":              s.tagsV2,
		"/api/search/tag/{name}/values":    s.valuesV1,
		"/api/v2/search/tag/{name}/values": s.valuesV2,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			var content any
			question, err := questionOf(r)
			if err == nil {
				content, err = answer(question)
			}
			write(w, content, err)
		})
	}
	registry, process := prometheus.NewRegistry(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	registry.MustRegister(s, collectors.NewGoCollector(), process)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return s
}

// problem is an error with a status of its own; that of others is 400.
type problem struct {
	error
	status int
}

// protobuf is an answer that is encoded already.
type protobuf []byte

// object is a message as protobuf's JSON writes it: without fields that are zero.
type object map[string]any

func (o object) MarshalJSON() ([]byte, error) {
	fields := maps.Clone(map[string]any(o))
	maps.DeleteFunc(fields, func(_ string, value any) bool { return reflect.ValueOf(value).IsZero() })
	return json.Marshal(fields)
}

func write(w http.ResponseWriter, content any, err error) {
	body, contentType := []byte(nil), "application/json"
	switch it := content.(type) {
	case string:
		body, contentType = []byte(it), "text/plain; charset=utf-8"
	case protobuf:
		body, contentType = it, "application/protobuf"
	case object:
		if err == nil {
			body, err = json.Marshal(it)
		}
	}
	if err != nil {
		status := http.StatusBadRequest
		if it, isProblem := err.(problem); isProblem {
			status = it.status
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body)
}

// question is what a request asks; what it does not say is as by default.
type question struct {
	*http.Request
	limit, spans int
	// start and end are seconds since 1970; an end of 0 is none.
	start, end int
	query      *traceql.Query
}

func questionOf(r *http.Request) (question, error) {
	q := question{Request: r, limit: 20, spans: 3}
	for name, number := range map[string]*int{"limit": &q.limit, "spss": &q.spans, "start": &q.start, "end": &q.end} {
		if given := r.FormValue(name); given != "" {
			parsed, err := strconv.ParseUint(given, 10, 32)
			if err != nil {
				return q, fmt.Errorf("invalid %s: %q is not a natural number", name, given)
			}
			*number = int(parsed)
		}
	}
	if q.end != 0 && q.end < q.start {
		return q, fmt.Errorf("start must be before end: start=%d end=%d", q.start, q.end)
	}
	var err error
	written := r.FormValue("q")
	if strings.HasSuffix(r.URL.Path, "/search") && written == "" {
		written, err = queryOfTags(r)
	} else if strings.HasSuffix(r.URL.Path, "/tags") || written == "" {
		written = "{}"
	}
	if err == nil {
		q.query, err = traceql.Parse(written)
	}
	return q, err
}

// found are the traces in the time asked for with what the query finds in them, the newest first, as long as somebody
// waits for the answer.
func (s *Server) found(q question) iter.Seq[traceql.Result] {
	const second = 1_000_000_000
	start, end := pcommon.Timestamp(q.start)*second, pcommon.Timestamp(q.end)*second
	return func(yield func(traceql.Result) bool) {
		traces := s.store.Traces()
		slices.SortStableFunc(traces, func(a, b *memory.Trace) int { return cmp.Compare(b.Start, a.Start) })
		for _, trace := range traces {
			if end != 0 && trace.Start > end || trace.End < start || q.Context().Err() != nil {
				continue
			}
			if result := q.query.Find(trace); len(result.Sets) > 0 && !yield(result) {
				return
			}
		}
	}
}

func (s *Server) ready(question) (any, error) {
	if !s.Ready.Load() {
		return nil, problem{errors.New("the receivers do not run"), http.StatusServiceUnavailable}
	}
	return "ready\n", nil
}

func (s *Server) status(question) (any, error) {
	stats := s.store.Stats()
	return fmt.Sprintf("trace-store, version %s\n%d traces with %d spans in %d of %d MiB\n",
		Version, stats.Traces, stats.Spans, stats.Bytes>>20, s.store.Limit>>20), nil
}

func buildInfo(question) (any, error) {
	return object{"program": "trace-store", "version": Version, "goVersion": runtime.Version()}, nil
}

// Describe is of prometheus.Collector.
func (s *Server) Describe(descriptions chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(s, descriptions)
}

// Collect answers what the store counts. Two counters have the names and labels that Tempo gives them, as whoever
// watches a Tempo reads those.
func (s *Server) Collect(metrics chan<- prometheus.Metric) {
	counted, tenant := s.store.Stats(), prometheus.Labels{"tenant": "single-tenant"}
	tooLarge := prometheus.Labels{"tenant": "single-tenant", "reason": "trace_too_large"}
	add := func(value int, labels prometheus.Labels, name, help string) {
		kind := prometheus.GaugeValue
		if strings.HasSuffix(name, "_total") {
			kind = prometheus.CounterValue
		}
		metrics <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), kind, float64(value))
	}
	add(counted.Received, tenant, "tempo_distributor_spans_received_total", "Spans that the receivers have taken.")
	add(counted.TooLarge, tooLarge, "tempo_discarded_spans_total", "Spans that were not kept.")
	add(counted.EvictedTraces, nil, "trace_store_evicted_traces_total", "Traces that went, as the limit was reached.")
	add(counted.EvictedSpans, nil, "trace_store_evicted_spans_total", "The spans of those traces.")
	add(counted.Traces, nil, "trace_store_traces", "Traces in memory.")
	add(counted.Spans, nil, "trace_store_spans", "Spans in memory.")
	add(counted.Bytes, nil, "trace_store_bytes", "Bytes of memory that they take, estimated.")
}
