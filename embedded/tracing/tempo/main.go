// Command tempo is Grafana Tempo. Upstream's own main cannot be used: see
// codec.go. Tempo's tracing of itself is left out.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/drone/envsubst"
	"github.com/grafana/dskit/flagext"
	"github.com/grafana/tempo/cmd/tempo/app"
	"github.com/grafana/tempo/pkg/util/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"
	"gopkg.in/yaml.v2"
)

// The module's version: Tempo's tags from 2.0 on are no valid module versions.
const tempoVersion = "1.5.1-0.20230524121406-1dc1bfe7085b"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tempo:", err)
		os.Exit(1)
	}
}

func run() error {
	version.Version = tempoVersion
	prometheus.MustRegister(version.NewCollector("tempo"))

	printVersion := flag.Bool("version", false, "Print the version and exit.")
	config, verifyOnly, err := loadConfig(os.Args[1:])
	if err != nil {
		return err
	}
	if *printVersion {
		fmt.Println(version.Print("tempo"))
		return nil
	}
	warnings := config.CheckConfig()
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, "tempo: warning:", w.Message, w.Explain)
	}
	if verifyOnly {
		if len(warnings) > 0 {
			return errors.New("the configuration has warnings")
		}
		return nil
	}

	log.InitLogger(&config.Server)
	tempo, err := app.New(*config)
	if err != nil {
		return err
	}
	return tempo.Run()
}

// fileOptions are needed before the configuration's own flags can be parsed:
// these overwrite what the file says.
type fileOptions struct {
	path              string
	expandEnv, verify bool
}

func (o *fileOptions) register(fs *flag.FlagSet) {
	fs.StringVar(&o.path, "config.file", "", "Configuration file to load.")
	fs.BoolVar(&o.expandEnv, "config.expand-env", false, "Expand environment variables in the configuration file.")
	fs.BoolVar(&o.verify, "config.verify", false, "Verify the configuration and exit.")
}

func loadConfig(args []string) (config *app.Config, verifyOnly bool, err error) {
	options := findFileOptions(args)
	config = &app.Config{}
	config.RegisterFlagsAndApplyDefaults("", flag.CommandLine)
	if err := readFile(options, config); err != nil {
		return nil, false, err
	}

	new(fileOptions).register(flag.CommandLine)
	// Upstream's chart sets it; Go has had a better way (GOMEMLIMIT) since 1.19.
	flagext.IgnoredFlag(flag.CommandLine, "mem-ballast-size-mbs", "Accepted and ignored.")
	flag.Parse()
	if config.Target == app.SingleBinary {
		keepRingsInMemory(config)
	}
	return config, options.verify, nil
}

// findFileOptions skips over every flag that it does not know.
func findFileOptions(args []string) (options fileOptions) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	options.register(fs)
	for ; len(args) > 0; args = args[1:] {
		_ = fs.Parse(args)
	}
	return options
}

func readFile(options fileOptions, config *app.Config) error {
	if options.path == "" {
		return nil
	}
	content, err := os.ReadFile(options.path)
	if err != nil {
		return err
	}
	if options.expandEnv {
		expanded, err := envsubst.EvalEnv(string(content))
		if err != nil {
			return fmt.Errorf("%s: %w", options.path, err)
		}
		content = []byte(expanded)
	}
	if err := yaml.UnmarshalStrict(content, config); err != nil {
		return fmt.Errorf("%s: %w", options.path, err)
	}
	return nil
}

// keepRingsInMemory does what upstream does for the single binary: it has no
// other instances to agree with.
func keepRingsInMemory(config *app.Config) {
	ring := &config.Ingester.LifecyclerConfig
	ring.RingConfig.KVStore.Store = "inmemory"
	ring.RingConfig.ReplicationFactor = 1
	ring.Addr = "127.0.0.1"
	config.Generator.Ring.KVStore.Store = "inmemory"
	config.Generator.Ring.InstanceAddr = "127.0.0.1"
}
