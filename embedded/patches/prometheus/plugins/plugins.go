// Package plugins takes the place of Prometheus's list of service discoveries. That list brings the client libraries of
// two dozen clouds, which take longer to compile than Prometheus itself, and which nobody can reach from inside the
// embedded cluster. The operator's configuration discovers by Kubernetes; minimum.go, Prometheus's own file beside this
// one, adds files and HTTP.
package plugins

import (
	_ "github.com/prometheus/prometheus/discovery/kubernetes"
)
