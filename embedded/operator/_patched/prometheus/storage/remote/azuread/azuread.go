// Package azuread takes the place of Prometheus's sign-in to Azure for remote writing. The operator only reads the
// configuration that this package has a section in; Azure's client libraries would be fifty packages to compile for it.
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
