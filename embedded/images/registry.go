package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// defaultPatience is how long a registry may say nothing.
	defaultPatience = 30 * time.Second
	// defaultPause follows a 429 that names none.
	defaultPause = 30 * time.Second
	longestPause = time.Hour
)

// manifestTypes are asked for; indexes too, whose digests are those of lock files.
var manifestTypes = []string{
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
}

// registries asks registries for manifests and blobs: with the user's proxies,
// certificates and logins, and nothing that is not a registry.
type registries struct {
	patience time.Duration
	keychain authn.Keychain

	mutex sync.Mutex
	// clients have logged in, each to one repository of one endpoint.
	clients map[string]*http.Client
	// pauses are until when a host is not to be asked, after a 429.
	pauses map[string]time.Time
}

func newRegistries() *registries {
	return &registries{
		patience: defaultPatience, keychain: authn.DefaultKeychain,
		clients: map[string]*http.Client{}, pauses: map[string]time.Time{},
	}
}

// ask sends a request for a manifest or blob; only success comes back without an error.
func (r *registries) ask(ctx context.Context, e endpoint, repository, method, path string, header http.Header) (*http.Response, error) {
	if until, pausing := r.pause(e.host); pausing {
		return nil, limited(e.host, until)
	}
	answer, err := r.try(ctx, e, repository, method, path, header)
	if err != nil {
		// The next one logs in anew.
		r.forget(e, repository)
		return nil, err
	}
	return answer, nil
}

func (r *registries) try(ctx context.Context, e endpoint, repository, method, path string, header http.Header) (*http.Response, error) {
	client, registry, err := r.client(ctx, e, repository)
	if err != nil {
		var answer *transport.Error
		if errors.As(err, &answer) && answer.StatusCode == http.StatusTooManyRequests {
			return nil, r.setPause(e.host, "")
		}
		return nil, asProblem(e.host, err)
	}
	address := fmt.Sprintf("%s://%s/v2/%s/%s", registry.Scheme(), registry.RegistryStr(), e.repository(repository), path)
	ctx, cancel := context.WithCancel(ctx)
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		cancel()
		return nil, unknown("%s: %v", e.host, err)
	}
	for key, values := range header {
		request.Header[key] = values
	}
	answer, err := client.Do(request)
	if err != nil {
		cancel()
		return nil, asProblem(e.host, err)
	}
	answer.Body = newPatientBody(answer.Body, cancel, r.patience)
	if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusPartialContent {
		if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind == "text/html" {
			answer.Body.Close()
			return nil, unavailable("%s answers with a web page: is there a login page in between?", e.host)
		}
		return answer, nil
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusTooManyRequests {
		return nil, r.setPause(e.host, answer.Header.Get("Retry-After"))
	}
	return nil, asProblem(e.host, transport.CheckError(answer, http.StatusOK))
}

// client is logged in to the repository, anonymously where the user has no login.
func (r *registries) client(ctx context.Context, e endpoint, repository string) (*http.Client, name.Registry, error) {
	var options []name.Option
	if e.insecure {
		options = append(options, name.Insecure)
	}
	registry, err := name.NewRegistry(e.host, options...)
	if err != nil {
		return nil, registry, unknown("%q is no registry", e.host)
	}
	key := e.host + "/" + e.repository(repository)
	r.mutex.Lock()
	client, known := r.clients[key]
	r.mutex.Unlock()
	if known {
		return client, registry, nil
	}
	// The helper of another host's login is never started.
	login, err := r.keychain.Resolve(registry)
	if err != nil {
		return nil, registry, denied("the login for %s cannot be had: %v", e.host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*r.patience)
	defer cancel()
	scope := registry.Repo(e.repository(repository)).Scope(transport.PullScope)
	guarded := newGuard(e, r.patience)
	inner, err := transport.NewWithContext(ctx, registry, login, guarded, []string{scope})
	if err != nil {
		var answer *transport.Error
		if last := guarded.last.Load(); last != nil && !errors.As(err, &answer) {
			err = *last
		}
		return nil, registry, err
	}
	client = &http.Client{Transport: inner}
	r.mutex.Lock()
	r.clients[key] = client
	r.mutex.Unlock()
	return client, registry, nil
}

func (r *registries) forget(e endpoint, repository string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.clients, e.host+"/"+e.repository(repository))
}

func (r *registries) pause(host string) (time.Time, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	until := r.pauses[host]
	return until, time.Now().Before(until)
}

func (r *registries) setPause(host, retryAfter string) *problem {
	pause := defaultPause
	if seconds, err := strconv.Atoi(retryAfter); err == nil {
		pause = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(retryAfter); err == nil {
		pause = time.Until(at)
	}
	until := time.Now().Add(min(max(pause, time.Second), longestPause))
	r.mutex.Lock()
	r.pauses[host] = until
	r.mutex.Unlock()
	return limited(host, until)
}

// guard keeps requests off what is no public registry. Unless the host's own
// configuration names it, a registry, and whatever it refers to, must not be on
// this machine or in its private networks: pods can ask for any name.
type guard struct {
	endpoint endpoint
	inner    *http.Transport
	// last is why the last request failed.
	last atomic.Pointer[error]
}

// errPlain ends the library's try of HTTPS where HTTP is asked for.
var errPlain = errors.New("plain HTTP is asked for")

func newGuard(e endpoint, patience time.Duration) *guard {
	g := &guard{endpoint: e}
	g.inner = http.DefaultTransport.(*http.Transport).Clone()
	g.inner.DialContext = g.dial
	g.inner.ResponseHeaderTimeout = patience
	g.inner.IdleConnTimeout = 30 * time.Second
	return g
}

func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	host := request.URL.Hostname()
	if request.URL.Scheme != "https" && !g.endpoint.insecure && !(g.endpoint.trusted && isLoopback(host)) {
		return nil, denied("%s is asked by HTTPS only; a mirror may be named with http://", request.URL.Host)
	}
	if !g.trusts(request.URL.Host) && (isLoopback(host) || isInside(net.ParseIP(host))) {
		return nil, notPublic(host)
	}
	if request.URL.Scheme == "https" && g.endpoint.insecure && request.URL.Host == g.endpoint.host {
		return nil, errPlain
	}
	answer, err := g.inner.RoundTrip(request)
	if err != nil {
		g.last.Store(&err)
	}
	return answer, err
}

func (g *guard) trusts(address string) bool { return g.endpoint.trusted && address == g.endpoint.host }

// dial looks at the address that a name leads to. That of the user's own proxy may be anywhere.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	host, port, _ := net.SplitHostPort(address)
	named := address
	if port == "443" || port == "80" {
		named = host
	}
	if g.trusts(address) || g.trusts(named) || isProxy(address) {
		return dialer.DialContext(ctx, network, address)
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	err = notPublic(host)
	for _, found := range addresses {
		if isInside(found.IP) {
			continue
		}
		// By its number, so that a second answer of the name server cannot lead elsewhere.
		var connection net.Conn
		if connection, err = dialer.DialContext(ctx, network, net.JoinHostPort(found.String(), port)); err == nil {
			return connection, nil
		}
	}
	return nil, err
}

func notPublic(host string) *problem {
	return denied("%s is on this machine or in a private network: name it among the stack's embedded.mirrors, or log in to it", host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (ip != nil && ip.IsLoopback())
}

// benchmarks is where the links of our own clusters are.
var benchmarks = &net.IPNet{IP: net.IPv4(198, 18, 0, 0).To4(), Mask: net.CIDRMask(15, 32)}
var carriers = &net.IPNet{IP: net.IPv4(100, 64, 0, 0).To4(), Mask: net.CIDRMask(10, 32)}

func isInside(ip net.IP) bool {
	return ip != nil && (!ip.IsGlobalUnicast() || ip.IsPrivate() || benchmarks.Contains(ip) || carriers.Contains(ip))
}

// isProxy says whether the address is that of a proxy which the user's variables name.
func isProxy(address string) bool {
	for _, scheme := range []string{"https", "http"} {
		proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: scheme, Host: "registry.invalid"}})
		if err != nil || proxy == nil {
			continue
		}
		port := proxy.Port()
		if port == "" {
			port = map[string]string{"https": "443", "http": "80", "socks5": "1080"}[proxy.Scheme]
		}
		if net.JoinHostPort(proxy.Hostname(), port) == address {
			return true
		}
	}
	return false
}

// patientBody ends a transfer in which nothing comes any more.
type patientBody struct {
	io.ReadCloser
	cancel   context.CancelFunc
	patience time.Duration
	timer    *time.Timer
}

func newPatientBody(body io.ReadCloser, cancel context.CancelFunc, patience time.Duration) *patientBody {
	return &patientBody{body, cancel, patience, time.AfterFunc(patience, cancel)}
}

func (b *patientBody) Read(into []byte) (int, error) {
	b.timer.Reset(b.patience)
	return b.ReadCloser.Read(into)
}

func (b *patientBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
