package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const testToken = "the node's"

// bed is a registry that can be told to misbehave, and proxies that ask it.
type bed struct {
	t        *testing.T
	registry *httptest.Server
	host     string
	settings Settings

	mutex sync.Mutex
	asked []string
	// mischief answers in the registry's place where it says true.
	mischief func(w http.ResponseWriter, r *http.Request) bool
	// real is the registry behind it.
	real http.Handler
}

func newBed(t *testing.T) *bed {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	b := &bed{t: t, real: registry.New(registry.Logger(discardLog()))}
	b.registry = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mutex.Lock()
		b.asked = append(b.asked, r.Method+" "+r.URL.Path)
		mischief := b.mischief
		b.mutex.Unlock()
		if mischief != nil && mischief(w, r) {
			return
		}
		if r.Method != "GET" || !strings.Contains(r.URL.Path, "/blobs/") {
			b.real.ServeHTTP(w, r)
			return
		}
		// As true registries do, and that one does not: from any byte on.
		whole := httptest.NewRecorder()
		b.real.ServeHTTP(whole, httptest.NewRequest("GET", r.URL.Path, nil))
		if whole.Code != 200 {
			w.WriteHeader(whole.Code)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(whole.Body.Bytes()))
	}))
	t.Cleanup(b.registry.Close)
	b.host = strings.TrimPrefix(b.registry.URL, "http://")
	b.settings = Settings{Cache: filepath.Join(t.TempDir(), "images"), CacheBytes: 1 << 30, From: b.registry.URL}
	return b
}

// count of the requests whose text has all of the parts; they are forgotten.
func (b *bed) count(parts ...string) int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	count := 0
	for _, one := range b.asked {
		has := true
		for _, part := range parts {
			has = has && strings.Contains(one, part)
		}
		if has {
			count++
		}
	}
	return count
}

func (b *bed) forget() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.asked = nil
}

func (b *bed) misbehave(how func(w http.ResponseWriter, r *http.Request) bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.mischief = how
}

// push makes an image for a platform, with layers of the size.
func (b *bed) push(ref string, architecture string, size int64) v1.Image {
	b.t.Helper()
	image := must(random.Image(size, 2))
	config := must(image.ConfigFile()).DeepCopy()
	config.Architecture, config.OS = architecture, "linux"
	image = must(mutate.ConfigFile(image, config))
	check(b.t, remote.Write(must(name.ParseReference(b.host+"/"+ref)), image))
	b.forget()
	return image
}

func (b *bed) pushIndex(ref string, architectures ...string) v1.ImageIndex {
	b.t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range architectures {
		image := b.push(ref+"-"+architecture, architecture, 1000)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	check(b.t, remote.WriteIndex(must(name.ParseReference(b.host+"/"+ref)), index))
	b.forget()
	return index
}

// proxy is one of a node: several share a cache.
type proxy struct {
	t      *testing.T
	url    string
	server *server
}

func (b *bed) proxy() *proxy {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	settings := func() (Settings, error) { return b.settings, nil }
	handler := newServer(context.Background(), settings, newPulls(filepath.Join(b.t.TempDir(), "pulls.json")), testToken, listener.Addr().String())
	handler.images.platform.Architecture = "amd64"
	handler.images.registries.patience = 400 * time.Millisecond
	running := &http.Server{Handler: handler, ErrorLog: discardLog()}
	go running.Serve(listener)
	b.t.Cleanup(func() { running.Close() })
	return &proxy{b.t, "http://" + listener.Addr().String(), handler}
}

type answer struct {
	status int
	// line is the status line, all that containerd shows of a HEAD.
	line   string
	body   []byte
	header http.Header
	// cut: the connection ended before the body did.
	cut bool
}

func (p *proxy) do(method, path string, header ...string) answer {
	p.t.Helper()
	request := must(http.NewRequest(method, p.url+path, nil))
	request.Header.Set(tokenHeader, testToken)
	for index := 0; index < len(header); index += 2 {
		request.Header.Set(header[index], header[index+1])
	}
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{cut: true}
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	return answer{got.StatusCode, got.Status, body, got.Header, err != nil}
}

func (p *proxy) get(repository, kind, reference string) answer {
	p.t.Helper()
	return p.do("GET", fmt.Sprintf("/v2/%s/%s/%s?ns=quay.io", repository, kind, reference))
}

// pull does as containerd does, and looks at every byte.
func (p *proxy) pull(repository, tag string, image v1.Image) {
	p.t.Helper()
	digest := must(image.Digest()).String()
	head := p.do("HEAD", fmt.Sprintf("/v2/%s/manifests/%s?ns=quay.io", repository, tag))
	if head.status != 200 || head.header.Get("Docker-Content-Digest") != digest {
		p.t.Fatalf("HEAD %s: %s %v", tag, head.line, head.header)
	}
	if got := p.get(repository, "manifests", digest); !bytes.Equal(got.body, must(image.RawManifest())) {
		p.t.Fatalf("manifest: %d %s", got.status, got.body)
	}
	for _, layer := range must(image.Layers()) {
		want := must(io.ReadAll(must(layer.Compressed())))
		if got := p.get(repository, "blobs", must(layer.Digest()).String()); !bytes.Equal(got.body, want) {
			p.t.Fatalf("blob: %s, %d of %d bytes", got.line, len(got.body), len(want))
		}
	}
}

func layerDigest(image v1.Image) string { return must(must(image.Layers())[0].Digest()).String() }

func layerBytes(image v1.Image) []byte {
	return must(io.ReadAll(must(must(image.Layers())[0].Compressed())))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
