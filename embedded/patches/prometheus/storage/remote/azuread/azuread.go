// Package azuread takes the place of the sign-in to Azure for remote writing. Its client libraries are a large part of
// what Prometheus has to compile, and Azure cannot be reached from inside the embedded cluster.
package azuread

import (
	"errors"
	"net/http"
)

// AzureADConfig is the section of that name in Prometheus's configuration, which nothing can stand in here.
type AzureADConfig struct{}

// NewAzureADRoundTripper says that this Prometheus cannot sign in to Azure.
func NewAzureADRoundTripper(*AzureADConfig, http.RoundTripper) (http.RoundTripper, error) {
	return nil, errors.New("azuread: left out of this build of Prometheus")
}
