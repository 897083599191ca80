package api

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/encoding/protowire"
	"tracewright/embedded/tracing/store/memory"
)

const second = 1_000_000_000

// serve answers about three traces, of the seconds 1, 2 and 3 after 1970.
func serve(t *testing.T) (*Server, string) {
	t.Helper()
	store := &memory.Store{Limit: 1 << 20, TraceLimit: 1 << 20}
	for number := range byte(3) {
		traces := ptrace.NewTraces()
		resource := traces.ResourceSpans().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", "demo")
		span := resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{0: number, 15: 1})
		span.SetSpanID(pcommon.SpanID{7: number + 1})
		span.SetName("hello")
		span.SetStartTimestamp(pcommon.Timestamp(number+1) * second)
		span.SetEndTimestamp(pcommon.Timestamp(number+1)*second + second/2)
		span.Attributes().PutDouble("nan", math.NaN())
		span.Attributes().PutDouble("infinity", math.Inf(1))
		span.Attributes().PutDouble("minus", math.Inf(-1))
		span.Attributes().PutEmptyBytes("bytes").FromRaw([]byte{1, 2, 3})
		if err := store.Add(traces); err != nil {
			t.Fatal(err)
		}
	}
	server := New(store)
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return server, listening.URL
}

func get(t *testing.T, address, accept string) (int, string, string) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodGet, address, nil)
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("Content-Type"), string(body)
}

func TestPlainPaths(t *testing.T) {
	server, url := serve(t)
	if status, _, body := get(t, url+"/ready", ""); status != 503 || !strings.Contains(body, "receivers") {
		t.Error(status, body)
	}
	server.Ready.Store(true)
	for path, wanted := range map[string]string{
		"/ready": "ready", "/api/echo": "echo", "/api/status/buildinfo": `"program":"trace-store"`,
		"/status": "3 traces with 3 spans", "/status/version": "trace-store, version ",
		"/metrics": "\ntrace_store_traces 3\n",
	} {
		if status, _, body := get(t, url+path, ""); status != 200 || !strings.Contains(body, wanted) {
			t.Error(path, status, body)
		}
	}
	if status, _, _ := get(t, url+"/nothing", ""); status != 404 {
		t.Error(status)
	}
	if response, err := http.Post(url+"/api/search", "", nil); err != nil || response.StatusCode != 405 {
		t.Error(err, response.StatusCode)
	}
}

func TestTraceAsJSON(t *testing.T) {
	_, url := serve(t)
	_, contentType, body := get(t, url+"/api/traces/1", "")
	for _, wanted := range []string{
		`{"batches":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"demo"}}]}`,
		`"traceId":"AAAAAAAAAAAAAAAAAAAAAQ=="`, `"spanId":"AAAAAAAAAAE="`, `"startTimeUnixNano":"1000000000"`,
		`{"key":"nan","value":{"doubleValue":"NaN"}}`, `{"doubleValue":"Infinity"}`, `{"doubleValue":"-Infinity"}`, `{"bytesValue":"AQID"}`,
	} {
		if !strings.Contains(body, wanted) || contentType != "application/json" {
			t.Errorf("%s is not in %s %s", wanted, contentType, body)
		}
	}
	if _, _, v2 := get(t, url+"/api/v2/traces/1", ""); !strings.Contains(v2, `"trace":{"resourceSpans":[{"resource"`) {
		t.Error(v2)
	}
}

func TestTraceAsProtobuf(t *testing.T) {
	_, url := serve(t)
	for path, unwrap := range map[string]bool{"/api/traces/1": false, "/api/v2/traces/1": true} {
		_, contentType, body := get(t, url+path, "application/protobuf")
		message := []byte(body)
		if unwrap {
			number, _, length := protowire.ConsumeTag(message)
			if message, _ = protowire.ConsumeBytes(message[length:]); number != 1 {
				t.Error(path, number)
			}
		}
		traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(message)
		if err != nil || traces.SpanCount() != 1 || contentType != "application/protobuf" {
			t.Error(path, err, contentType)
		}
	}
}

func TestUnknownAndImpossibleIds(t *testing.T) {
	_, url := serve(t)
	for path, wanted := range map[string]int{
		"/api/traces/ff": 404, "/api/v2/traces/ff": 200, "/api/traces/xyz": 400, "/api/v2/traces/xyz": 400,
		"/api/traces/" + strings.Repeat("0", 33): 400, "/api/traces/1?start=7&end=9": 200,
		"/api/traces/" + strings.Repeat("0", 31) + "1": 200, "/api/traces/%C3%A4": 400,
	} {
		if status, _, body := get(t, url+path, ""); status != wanted {
			t.Error(path, status, body)
		}
	}
}

func TestSearchAnswersTheNewestFirst(t *testing.T) {
	_, url := serve(t)
	for query, wanted := range map[string]string{
		"":                             "3000000000 2000000000 1000000000",
		"?limit=2":                     "3000000000 2000000000",
		"?q={}&limit=1":                "3000000000",
		"?start=1&end=2":               "2000000000 1000000000",
		"?start=7&end=8":               "",
		"?tags=service.name=demo":      "3000000000 2000000000 1000000000",
		"?tags=service.name=other":     "",
		"?minDuration=600ms":           "",
		"?maxDuration=600ms&limit=1":   "3000000000",
		"?q={+.infinity+>+1+}&limit=1": "3000000000",
	} {
		_, _, body := get(t, url+"/api/search"+query, "")
		var answer struct {
			Traces []struct{ StartTimeUnixNano string }
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(query, err, body)
		}
		starts := []string{}
		for _, trace := range answer.Traces {
			starts = append(starts, trace.StartTimeUnixNano)
		}
		if got := strings.Join(starts, " "); got != wanted {
			t.Errorf("%s: %s, not %s", query, got, wanted)
		}
	}
}

func TestBadRequestsSayWhatIsWrong(t *testing.T) {
	_, url := serve(t)
	for path, wanted := range map[string]string{
		"/api/search?q={+foo+=+1+}":                   "line 1, col 3: unknown identifier: foo",
		"/api/search?q={}+|+rate()":                   "line 1, col 6: unknown function: rate",
		"/api/search?limit=-1":                        `invalid limit: "-1"`,
		"/api/search?spss=x":                          `invalid spss`,
		"/api/search?start=x":                         `invalid start`,
		"/api/search?start=2&end=1":                   "start must be before end",
		"/api/search?minDuration=x":                   "invalid minDuration",
		"/api/search/tags?scope=x":                    "invalid scope: x",
		"/api/v2/search/tag/nonsense/values":          "unknown identifier: nonsense",
		"/api/v2/search/tag/.a=1||.b/values":          "not an attribute",
		"/api/v2/search/tag/.a/values?q={":            "line 1, col 2",
		"/api/search/tag/with%22quote/values?start=x": "invalid start",
	} {
		if status, _, body := get(t, url+path, ""); status != 400 || !strings.Contains(body, wanted) {
			t.Error(path, status, body)
		}
	}
}

// What only other paths understand is nothing to complain of: Grafana sends half-written queries along.
func TestTagsAreOfAllSpans(t *testing.T) {
	_, url := serve(t)
	for _, parameters := range []string{"", "?q={", "?limit=0", "?tags=%22&minDuration=x", "?q={+name+=+1+}&limit=5000"} {
		for _, path := range []string{"/api/search/tags", "/api/v2/search/tags"} {
			if status, _, body := get(t, url+path+parameters, ""); status != 200 || !strings.Contains(body, `"infinity"`) {
				t.Error(path, parameters, status, body)
			}
		}
	}
}

func TestLargeTrace(t *testing.T) {
	store := &memory.Store{Limit: 1 << 30, TraceLimit: 1 << 30}
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	const count = 130_000
	for i := range count {
		span := spans.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1})
		span.SetSpanID(pcommon.SpanID{0: 1, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)})
		if i > 0 {
			span.SetParentSpanID(spans.At(i - 1).SpanID())
		}
	}
	if err := store.Add(traces); err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(New(store))
	defer listening.Close()
	for path, wanted := range map[string]int{"/api/traces/01000000000000000000000000000000": count, "/api/search?q={}>>{}&spss=200000": count - 1} {
		start := time.Now()
		_, _, body := get(t, listening.URL+path, "")
		if found := strings.Count(strings.ToLower(body), `"spanid"`); path[5] == 't' && found != wanted || path[5] == 's' && found != 2*wanted {
			t.Errorf("%s: %d spans", path, found)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %s", path, took)
		}
	}
}
