// Package install takes the place of Prometheus's package of that name when the
// operator is built. That one registers the service discovery of two dozen
// clouds, whose client libraries are half of the operator's compile time; from
// inside the embedded cluster none of these clouds can be reached.
package install

import (
	_ "github.com/prometheus/prometheus/discovery/dns"
	_ "github.com/prometheus/prometheus/discovery/file"
	_ "github.com/prometheus/prometheus/discovery/http"
	_ "github.com/prometheus/prometheus/discovery/kubernetes"
)
