// Command trace-store keeps traces in memory and answers Tempo's HTTP API. It is an OpenTelemetry Collector with one
// exporter, the memory, and one extension, the API; so its configuration file is one of a collector.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/jaegerreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/zipkinreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"tracewright/embedded/tracing/store/api"
	"tracewright/embedded/tracing/store/memory"
)

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{
			Command:     "trace-store",
			Description: "Keeps traces in memory and answers Tempo's HTTP API",
			Version:     api.Version,
		},
		Factories: components(&memory.Store{}),
	})
	if err := command.Execute(); err != nil {
		log.Fatal(err)
	}
}

func components(store *memory.Store) otelcol.Factories {
	return otelcol.Factories{
		Receivers: map[component.Type]receiver.Factory{
			"otlp": otlpreceiver.NewFactory(), "jaeger": jaegerreceiver.NewFactory(), "zipkin": zipkinreceiver.NewFactory(),
		},
		Exporters: map[component.Type]exporter.Factory{"memory": exporter.NewFactory("memory",
			func() component.Config { return &struct{}{} },
			exporter.WithTraces(keepIn(store), component.StabilityLevelStable))},
		Extensions: map[component.Type]extension.Factory{"api": extension.NewFactory("api",
			func() component.Config { return &apiConfig{Endpoint: "127.0.0.1:3100", LimitMiB: 256} },
			func(_ context.Context, _ extension.CreateSettings, config component.Config) (extension.Extension, error) {
				return newAPIExtension(config.(*apiConfig), store), nil
			}, component.StabilityLevelStable)},
	}
}

// keepIn makes an exporter that hands to the store what the receivers take.
func keepIn(store *memory.Store) exporter.CreateTracesFunc {
	keep := func(_ context.Context, traces ptrace.Traces) error {
		if err := store.Add(traces); err != nil {
			// So that clients do not try again what was discarded.
			return status.Error(codes.FailedPrecondition, err.Error())
		}
		return nil
	}
	return func(c context.Context, settings exporter.CreateSettings, config component.Config) (exporter.Traces, error) {
		return exporterhelper.NewTracesExporter(c, settings, config, keep)
	}
}

// apiConfig is that of the extension.
type apiConfig struct {
	// Endpoint is where HTTP is answered.
	Endpoint string `mapstructure:"endpoint"`
	// LimitMiB bounds the memory of all traces, MaxTraceKiB that of one; 0: as much.
	LimitMiB    int `mapstructure:"limit_mib"`
	MaxTraceKiB int `mapstructure:"max_trace_kib"`
}

func (c *apiConfig) Validate() error {
	if c.LimitMiB < 1 || c.MaxTraceKiB < 0 || c.MaxTraceKiB > c.LimitMiB<<10 {
		return errors.New("limit_mib is at least 1, and max_trace_kib lies between 0 and as much as limit_mib")
	}
	return nil
}

// apiExtension serves as long as the collector runs, and is ready as long as its receivers run.
type apiExtension struct {
	*http.Server
	api *api.Server
}

func newAPIExtension(config *apiConfig, store *memory.Store) *apiExtension {
	store.Limit, store.TraceLimit = config.LimitMiB<<20, config.MaxTraceKiB<<10
	if store.TraceLimit == 0 {
		store.TraceLimit = store.Limit
	}
	server := api.New(store)
	return &apiExtension{&http.Server{Addr: config.Endpoint, Handler: server, ReadHeaderTimeout: 10 * time.Second}, server}
}

func (e *apiExtension) Start(_ context.Context, host component.Host) error {
	listener, err := net.Listen("tcp", e.Addr)
	if err != nil {
		return err
	}
	go func() {
		if err := e.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			host.ReportFatalError(err)
		}
	}()
	return nil
}

func (e *apiExtension) Ready() error {
	e.api.Ready.Store(true)
	return nil
}

func (e *apiExtension) NotReady() error {
	e.api.Ready.Store(false)
	return nil
}
