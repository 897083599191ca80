package sigv4

import (
	"errors"
	"net/http"
)

// NewSigV4RoundTripper takes the place of the signing of requests to Amazon, whose client libraries are a tenth of what
// Prometheus and its operator have to compile. Amazon cannot be reached from inside the embedded cluster.
func NewSigV4RoundTripper(*SigV4Config, http.RoundTripper) (http.RoundTripper, error) {
	return nil, errors.New("sigv4: left out of this build")
}
