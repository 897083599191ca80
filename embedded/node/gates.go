package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// readyPath leaves out a hook that always takes its first look after a second,
// for objects that none of the gated programs needs.
const readyPath = "/readyz?exclude=poststarthook%2Fscheduling%2Fbootstrap-system-priority-classes"

// How often a program that just started is asked whether it is ready.
const probePause = 20 * time.Millisecond

// gate opens once, when a program first answers.
type gate chan struct{}

func (g gate) wait(ctx context.Context) {
	select {
	case <-g:
	case <-ctx.Done():
	}
}

// openWhen asks until the answer is yes.
func (g gate) openWhen(ctx context.Context, answers func() bool) bool {
	for ctx.Err() == nil {
		if answers() {
			close(g)
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(probePause):
		}
	}
	return false
}

// gates hold programs back until what they need is there: started too early
// they would take time from it, and then wait through their own retries.
type gates struct {
	etcd, runtime, api gate
}

func newGates() *gates { return &gates{make(gate), make(gate), make(gate)} }

func (g *gates) runtimeAndAPI(ctx context.Context) {
	g.runtime.wait(ctx)
	g.api.wait(ctx)
}

// watch opens the gates as the programs come up.
func (g *gates) watch(ctx context.Context, nodeIP net.IP, status *status) error {
	client, err := apiClient()
	if err != nil {
		return err
	}
	go func() {
		if g.etcd.openWhen(ctx, func() bool { return connects("tcp", "127.0.0.1:2379") }) {
			status.milestone("etcd ready")
		}
	}()
	go func() {
		if g.runtime.openWhen(ctx, func() bool { return connects("unix", containerdSocket) }) {
			status.milestone("containerd ready")
		}
	}()
	go func() {
		ready := func() bool { return answersReady(client, serverURL(nodeIP)+readyPath) }
		if g.api.openWhen(ctx, ready) {
			status.milestone("kube-apiserver ready")
			status.change(func(content *statusContent) { content.APIReady = true })
		}
	}()
	return nil
}

func connects(network, address string) bool {
	connection, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

func answersReady(client *http.Client, url string) bool {
	answer, err := client.Get(url)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// apiClient speaks to the API server as the administrator.
func apiClient() (*http.Client, error) {
	certificate, err := tls.LoadX509KeyPair(pkiFolder+"/admin.crt", pkiFolder+"/admin.key")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(pkiFolder + "/ca.crt")
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s/ca.crt holds no certificate", pkiFolder)
	}
	settings := &tls.Config{RootCAs: authorities, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: settings}}, nil
}
