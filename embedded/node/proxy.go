package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const (
	// hostsFolder tells containerd whom to ask for images.
	hostsFolder = confFolder + "/hosts"
	proxyName   = "image-proxy"
	// proxyLink leads to the open file, in the host's file system.
	proxyLink = "/run/" + proxyName
)

// imageProxy is the node's only way to images. The socket is the node's own, on
// its loopback, so that no pod and nothing on the host can reach it; the program
// behind it works in the host's network and file system, whose proxies, logins
// and cache it needs, and which the node never gets to see.
type imageProxy struct {
	settings Proxy
	env      []string
	token    string
	listener *os.File
	host     []*os.File
	address  string
}

// openProxy takes what start handed over; nil when this cluster pulls nothing.
func openProxy(given order) (*imageProxy, error) {
	if given.Config.Proxy == nil {
		return nil, nil
	}
	return &imageProxy{
		settings: *given.Config.Proxy,
		env:      given.HostEnv,
		token:    rand.Text(),
		host:     []*os.File{os.NewFile(hostNetFd, "host's network"), os.NewFile(hostMntFd, "host's file system")},
	}, nil
}

// listen opens the socket, which stays open, and so the port the same, when the program is restarted.
func (p *imageProxy) listen() error {
	if p == nil {
		return nil
	}
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("socket of the image proxy: %w", err)
	}
	defer listener.Close()
	p.address = listener.Addr().String()
	p.listener, err = listener.File()
	return err
}

// programs is the proxy, as one to be kept running.
func (p *imageProxy) programs() []program {
	if p == nil {
		return nil
	}
	return []program{{
		name:  proxyName,
		path:  proxyLink,
		args:  []string{"enter", p.settings.Settings, p.settings.Folder},
		env:   append(p.env, "IMAGE_PROXY_TOKEN="+p.token),
		files: append([]*os.File{p.listener}, p.host...),
	}}
}

// writeHosts sends containerd to the proxy, whatever registry an image names.
// The token is for it alone: pods that share the node's network have none.
func (p *imageProxy) writeHosts() error {
	folder := filepath.Join(hostsFolder, "_default")
	if err := os.RemoveAll(hostsFolder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil || p == nil {
		return err
	}
	if err := os.Symlink(fmt.Sprintf("/proc/1/fd/%d", proxyFd), proxyLink); err != nil {
		return err
	}
	url := "http://" + p.address
	return writeFile(filepath.Join(folder, "hosts.toml"), []byte(`server = "`+url+`"
capabilities = ["pull", "resolve"]
[header]
  x-tracewright-token = "`+p.token+`"
[host."`+url+`"]
  capabilities = ["pull", "resolve"]
  [host."`+url+`".header]
    x-tracewright-token = "`+p.token+`"
`))
}

// hostEnv is the environment of whoever starts the cluster, without what is ours: programs of ours are found by it.
func hostEnv(config Config) []string {
	if config.Proxy == nil {
		return nil
	}
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TRACEWRIGHT_") && !strings.HasPrefix(variable, "TEMPORAL_") {
			kept = append(kept, variable)
		}
	}
	return kept
}
