package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger/model"
	"github.com/jaegertracing/jaeger/proto-gen/api_v2"
	"github.com/jaegertracing/jaeger/thrift-gen/agent"
	"github.com/jaegertracing/jaeger/thrift-gen/jaeger"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"tracewright/embedded/tracing/store/memory"
)

// ports are free ones of this machine, by what the configuration below calls them.
type ports map[string]string

const configuration = `
extensions: { api: { endpoint: 'API', max_trace_kib: 64 } }
receivers:
  otlp: { protocols: { grpc: { endpoint: 'OTLP-GRPC' }, http: { endpoint: 'OTLP-HTTP' } } }
  jaeger:
    protocols:
      grpc: { endpoint: 'JAEGER-GRPC' }
      thrift_http: { endpoint: 'JAEGER-HTTP' }
      thrift_compact: { endpoint: 'JAEGER-COMPACT' }
      thrift_binary: { endpoint: 'JAEGER-BINARY' }
  zipkin: { endpoint: 'ZIPKIN' }
exporters: { memory: {} }
service:
  telemetry: { metrics: { level: none }, logs: { level: error } }
  extensions: [api]
  pipelines: { traces: { receivers: [otlp, jaeger, zipkin], exporters: [memory] } }
`

// start runs the program until the test ends.
func start(t *testing.T) ports {
	t.Helper()
	places, config := ports{}, configuration
	for _, name := range []string{"API", "OTLP-GRPC", "OTLP-HTTP", "JAEGER-GRPC", "JAEGER-HTTP", "JAEGER-COMPACT", "JAEGER-BINARY", "ZIPKIN"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		places[name] = listener.Addr().String()
		config = strings.ReplaceAll(config, "'"+name+"'", "'"+places[name]+"'")
		listener.Close()
	}
	file := filepath.Join(t.TempDir(), "store.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	files := fileprovider.New()
	provider, err := otelcol.NewConfigProvider(otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
		URIs: []string{"file:" + file}, Providers: map[string]confmap.Provider{files.Scheme(): files}}})
	if err != nil {
		t.Fatal(err)
	}
	program, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "trace-store"}, Factories: components(&memory.Store{}), ConfigProvider: provider,
		DisableGracefulShutdown: true})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Run(context.Background()) }()
	t.Cleanup(func() {
		program.Shutdown()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "ready", func() bool {
		response, err := http.Get("http://" + places["API"] + "/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return places
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain waited for: " + what)
		}
	}
}

func TestEveryReceiver(t *testing.T) {
	places := start(t)
	for number, it := range []struct {
		name string
		send func(t *testing.T, place string, trace byte)
	}{
		{"OTLP-GRPC", func(t *testing.T, place string, trace byte) { sendOverGRPC(t, place, otlpTrace(trace, 1)) }},
		{"OTLP-HTTP", func(t *testing.T, place string, trace byte) {
			body, _ := ptraceotlp.NewExportRequestFromTraces(otlpTrace(trace, 1)).MarshalProto()
			post(t, "http://"+place+"/v1/traces", "application/x-protobuf", body)
		}},
		{"JAEGER-GRPC", sendJaegerProto},
		{"JAEGER-HTTP", func(t *testing.T, place string, trace byte) {
			body, err := thrift.NewTSerializer().Write(context.Background(), thriftBatch(trace))
			if err != nil {
				t.Fatal(err)
			}
			post(t, "http://"+place+"/api/traces", "application/x-thrift", body)
		}},
		{"JAEGER-COMPACT", func(t *testing.T, place string, trace byte) {
			sendToAgent(t, place, trace, thrift.NewTCompactProtocolFactoryConf(nil))
		}},
		{"JAEGER-BINARY", func(t *testing.T, place string, trace byte) {
			sendToAgent(t, place, trace, thrift.NewTBinaryProtocolFactoryConf(nil))
		}},
		{"ZIPKIN", func(t *testing.T, place string, trace byte) {
			post(t, "http://"+place+"/api/v2/spans", "application/json", fmt.Appendf(nil, `[{"traceId":"%s","id":"000000000000002a",
				"name":"hello","timestamp":1700000000000000,"duration":1500,"localEndpoint":{"serviceName":"demo"}}]`, traceID(trace)))
		}},
	} {
		t.Run(it.name, func(t *testing.T) {
			trace := byte(number + 1)
			it.send(t, places[it.name], trace)
			var found struct {
				Batches []struct {
					ScopeSpans []struct {
						Spans []struct{ Name, SpanID string }
					}
				}
			}
			eventually(t, "the trace by its id", func() bool {
				response, err := http.Get("http://" + places["API"] + "/api/traces/" + traceID(trace).String())
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				return response.StatusCode == http.StatusOK && json.NewDecoder(response.Body).Decode(&found) == nil
			})
			if span := found.Batches[0].ScopeSpans[0].Spans[0]; span.Name != "hello" || span.SpanID != "AAAAAAAAACo=" {
				t.Errorf("%+v", found)
			}
		})
	}
}

// Clients must not send again and again what is not kept.
func TestWhatIsDiscardedIsRefusedForGood(t *testing.T) {
	places := start(t)
	connection, err := grpc.Dial(places["OTLP-GRPC"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, err = ptraceotlp.NewGRPCClient(connection).Export(context.Background(), ptraceotlp.NewExportRequestFromTraces(otlpTrace(1, 1000)))
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "TRACE_TOO_LARGE") {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + places["API"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, _ := io.ReadAll(response.Body)
	for _, line := range []string{`tempo_distributor_spans_received_total{tenant="single-tenant"} 1000`, `tempo_discarded_spans_total{reason="trace_too_large",tenant="single-tenant"} `} {
		if !strings.Contains(string(page), line) || strings.Contains(string(page), line+"0\n") {
			t.Errorf("%s is not in\n%s", line, page)
		}
	}
}

func TestConfigurationThatMakesNoSense(t *testing.T) {
	for _, it := range []apiConfig{{LimitMiB: 0}, {LimitMiB: -1}, {LimitMiB: 1, MaxTraceKiB: 1025}, {LimitMiB: 1, MaxTraceKiB: -1}} {
		if it.Validate() == nil {
			t.Errorf("%+v is accepted", it)
		}
	}
}

func traceID(number byte) pcommon.TraceID { return pcommon.TraceID{7, 15: number} }

func otlpTrace(number byte, spans int) ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "demo")
	scope := resource.ScopeSpans().AppendEmpty()
	for i := range spans {
		span := scope.Spans().AppendEmpty()
		span.SetTraceID(traceID(number))
		span.SetSpanID(pcommon.SpanID{0: byte(i >> 8), 1: byte(i), 7: 42})
		span.SetName("hello")
	}
	return traces
}

func sendOverGRPC(t *testing.T, place string, traces ptrace.Traces) {
	connection, err := grpc.Dial(place, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := ptraceotlp.NewGRPCClient(connection).Export(context.Background(), ptraceotlp.NewExportRequestFromTraces(traces)); err != nil {
		t.Fatal(err)
	}
}

func sendJaegerProto(t *testing.T, place string, trace byte) {
	connection, err := grpc.Dial(place, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	batch := model.Batch{Process: &model.Process{ServiceName: "demo"}, Spans: []*model.Span{{
		TraceID: model.NewTraceID(7<<56, uint64(trace)), SpanID: 42, OperationName: "hello", StartTime: time.Now(), Duration: time.Millisecond}}}
	if _, err := api_v2.NewCollectorServiceClient(connection).PostSpans(context.Background(), &api_v2.PostSpansRequest{Batch: batch}); err != nil {
		t.Fatal(err)
	}
}

func thriftBatch(trace byte) *jaeger.Batch {
	return &jaeger.Batch{Process: &jaeger.Process{ServiceName: "demo"}, Spans: []*jaeger.Span{{
		TraceIdHigh: 7 << 56, TraceIdLow: int64(trace), SpanId: 42, OperationName: "hello", StartTime: time.Now().UnixMicro(), Duration: 1000}}}
}

// sendToAgent sends one datagram.
func sendToAgent(t *testing.T, place string, trace byte, protocol thrift.TProtocolFactory) {
	buffer := thrift.NewTMemoryBuffer()
	if err := agent.NewAgentClientFactory(buffer, protocol).EmitBatch(context.Background(), thriftBatch(trace)); err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("udp", place)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := connection.Write(buffer.Bytes()); err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, address, contentType string, body []byte) {
	response, err := http.Post(address, contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		t.Fatal(response.Status)
	}
}
