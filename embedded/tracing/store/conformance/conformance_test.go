// Package conformance compares the store's answers with those of a true Tempo, which were recorded once.
package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"tracewright/embedded/tracing/store/api"
	"tracewright/embedded/tracing/store/memory"
)

const recording = "testdata/tempo.json"

// recorded is what is kept of a Tempo's answers.
type recorded struct {
	Version string
	// Base is the time of the traces, which Tempo searches only while it is recent.
	Base    time.Time
	Answers map[string]recordedAnswer
}

type recordedAnswer struct {
	Status int
	// Normalised; the texts of errors are not kept.
	Body any `json:",omitempty"`
}

// allRequests are the paths by what stands in the lists.
func allRequests(base time.Time) map[string]string {
	paths := map[string]string{}
	ids := []string{}
	for i, trace := range allTraces(base) {
		id := trace.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceID().String()
		ids = append([]string{fmt.Sprintf("ID%d", i+1), id}, ids...)
	}
	ids = append(ids, "START", strconv.FormatInt(base.Unix()-600, 10), "END", strconv.FormatInt(base.Unix()+600, 10))
	filled := strings.NewReplacer(ids...)
	for _, query := range queries {
		paths[query] = filled.Replace("/api/search?limit=100&spss=100&start=START&end=END&q=") + url.QueryEscape(filled.Replace(query))
	}
	for _, request := range requests {
		path := filled.Replace(request)
		if strings.Contains(path, "search") && !strings.Contains(path, "end=") {
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			path += separator + filled.Replace("start=START&end=END")
		}
		paths[request] = path
	}
	return paths
}

func TestAnswersAreThoseOfTempo(t *testing.T) {
	var wanted recorded
	content, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &wanted); err != nil {
		t.Fatal(err)
	}
	store := &memory.Store{Limit: 64 << 20, TraceLimit: 64 << 20}
	for _, trace := range allTraces(wanted.Base) {
		if err := store.Add(trace); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(api.New(store))
	defer server.Close()
	for request, path := range allRequests(wanted.Base) {
		t.Run(request, func(t *testing.T) {
			expected, known := wanted.Answers[request]
			if !known {
				t.Fatal("no answer to this was recorded")
			}
			got := ask(t, server.URL+path)
			reason, differs := differences[request]
			if same := reflect.DeepEqual(got, expected); same == differs {
				t.Errorf("differs: %v, expected to differ: %v %s\nTempo: %s\nours:  %s", !same, differs, reason, shown(expected), shown(got))
			}
		})
	}
}

func shown(it any) string {
	text, _ := json.Marshal(it)
	return string(text)
}

// ask returns the answer as it would be recorded.
func ask(t *testing.T, address string) recordedAnswer {
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := recordedAnswer{Status: response.StatusCode}
	var content any
	if response.StatusCode != http.StatusOK {
		return answer
	}
	if json.Unmarshal(body, &content) != nil {
		content = strings.TrimSpace(string(body))
	}
	answer.Body = normalised(content)
	return answer
}

// normalised leaves out what says nothing about the answer: figures of the search, and the order of what has none.
func normalised(content any) any {
	switch it := content.(type) {
	case map[string]any:
		delete(it, "metrics")
		for key, value := range it {
			it[key] = normalised(value)
		}
		if batches, found := it["batches"].([]any); found {
			it["batches"] = joined(batches)
		}
		if batches, found := it["resourceSpans"].([]any); found {
			it["resourceSpans"] = joined(batches)
		}
	case []any:
		for i, value := range it {
			it[i] = normalised(value)
		}
		slices.SortFunc(it, func(a, b any) int { return strings.Compare(shown(a), shown(b)) })
	}
	return content
}

// joined makes one list of all spans, each with its resource and scope: who batches them how does not matter.
func joined(batches []any) any {
	spans := []any{}
	for _, batch := range batches {
		resource := batch.(map[string]any)
		scopes, _ := resource["scopeSpans"].([]any)
		for _, it := range scopes {
			scope := it.(map[string]any)
			list, _ := scope["spans"].([]any)
			for _, span := range list {
				spans = append(spans, map[string]any{"resource": resource["resource"], "scope": scope["scope"], "span": span})
			}
		}
	}
	return normalised(spans)
}

// TestRecord asks a Tempo, where one is named: its HTTP API and its receiver of OTLP over HTTP.
func TestRecord(t *testing.T) {
	from, into := os.Getenv("TRACE_STORE_RECORD_FROM"), os.Getenv("TRACE_STORE_RECORD_INTO")
	if from == "" || into == "" {
		t.Skip("TRACE_STORE_RECORD_FROM and TRACE_STORE_RECORD_INTO name no Tempo")
	}
	result := recorded{Version: os.Getenv("TRACE_STORE_RECORD_VERSION"), Base: time.Now().Add(-time.Minute).UTC().Truncate(time.Second), Answers: map[string]recordedAnswer{}}
	for _, trace := range allTraces(result.Base) {
		body, err := ptraceotlp.NewExportRequestFromTraces(trace).MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.Post(into+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatal(err, response)
		}
	}
	// Until all can be searched.
	time.Sleep(30 * time.Second)
	for request, path := range allRequests(result.Base) {
		result.Answers[request] = ask(t, from+path)
	}
	content, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recording, append(content, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
