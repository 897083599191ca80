package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func TestPullsOnceForAll(t *testing.T) {
	b := newBed(t)
	image := b.push("grafana/grafana:9.3.6", "amd64", 100_000)
	b.proxy().pull("grafana/grafana", "9.3.6", image)
	if b.count("GET", "/blobs/") != 3 {
		t.Fatalf("asked %v", b.asked)
	}
	b.forget()
	b.proxy().pull("grafana/grafana", "9.3.6", image)
	if b.count("GET", "/blobs/")+b.count("GET", "/manifests/") != 0 {
		t.Fatalf("pulled again: %v", b.asked)
	}
	b.registry.Close()
	b.proxy().pull("grafana/grafana", "9.3.6", image)
}

func TestTagThatMoved(t *testing.T) {
	b := newBed(t)
	p := b.proxy()
	p.pull("a/b", "latest", b.push("a/b:latest", "amd64", 100))
	p.pull("a/b", "latest", b.push("a/b:latest", "amd64", 100))
}

func TestTroubles(t *testing.T) {
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v2/" {
				return false
			}
			for index := 0; index < len(header); index += 2 {
				w.Header().Set(header[index], header[index+1])
			}
			w.WriteHeader(code)
			fmt.Fprint(w, `{"errors":[{"code":"X","message":"so it is"}]}`)
			return true
		}
	}
	for _, one := range []struct {
		name     string
		mischief func(http.ResponseWriter, *http.Request) bool
		status   int
		says     string
	}{
		{"hangs", func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }, 502, "timed out"},
		{"web page", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Please log in</html>")
			return true
		}, 502, "web page"},
		{"401", status(401), 403, "docker login"},
		{"403", status(403), 403, "docker login"},
		{"404", status(404), 404, "does not have it"},
		{"429", status(429, "Retry-After", "120"), 429, "retry after 2m0s"},
		{"500", status(500), 502, "500"},
		{"503", status(503), 502, "503"},
	} {
		t.Run(one.name, func(t *testing.T) {
			b := newBed(t)
			b.push("a/b:1", "amd64", 100)
			b.misbehave(one.mischief)
			p := b.proxy()
			head := p.do("HEAD", "/v2/a/b/manifests/1?ns=quay.io")
			if head.status != one.status || !strings.Contains(head.line, one.says) {
				t.Fatalf("HEAD: %q", head.line)
			}
			asked := b.count()
			got := p.get("a/b", "manifests", "1")
			if got.status != one.status || !strings.Contains(string(got.body), one.says) {
				t.Fatalf("GET: %d %s", got.status, got.body)
			}
			if b.count() != asked {
				t.Fatal("the registry was asked again at once")
			}
			if one.status == 429 && got.header.Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		})
	}
}

func TestNothingListens(t *testing.T) {
	b := newBed(t)
	b.registry.Close()
	if head := b.proxy().do("HEAD", "/v2/a/b/manifests/1?ns=quay.io"); head.status != 502 || !strings.Contains(head.line, "connection refused") {
		t.Fatal(head.line)
	}
}

func TestOtherArchitecture(t *testing.T) {
	b := newBed(t)
	b.push("a/b:single", "arm64", 100)
	b.pushIndex("a/b:index", "arm64", "s390x")
	good := b.pushIndex("a/b:good", "arm64", "amd64")
	p := b.proxy()
	for tag, says := range map[string]string{"single": "is for linux/arm64", "index": "is for linux/arm64, linux/s390x"} {
		if head := p.do("HEAD", "/v2/a/b/manifests/"+tag+"?ns=quay.io"); head.status != 403 || !strings.Contains(head.line, says) {
			t.Errorf("%s: %s", tag, head.line)
		}
	}
	if head := p.do("HEAD", "/v2/a/b/manifests/good?ns=quay.io"); head.header.Get("Docker-Content-Digest") != must(good.Digest()).String() {
		t.Error(head.line)
	}
}

func TestRefusals(t *testing.T) {
	b := newBed(t)
	b.push("a/b:1", "amd64", 100)
	b.settings.From = ""
	p := b.proxy()
	for _, one := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/v2/a/b/blobs/uploads/", 405},
		{"PUT", "/v2/a/b/manifests/1?ns=quay.io", 405},
		{"DELETE", "/v2/a/b/manifests/1?ns=quay.io", 405},
		{"GET", "/", 404},
		{"GET", "/v2/_catalog?ns=quay.io", 404},
		{"GET", "/v2/a/b/tags/list?ns=quay.io", 404},
		{"GET", "/v2/a/../../etc/passwd/manifests/1?ns=quay.io", 403},
		{"GET", "/v2/a%2Fb/manifests/1?ns=quay.io", 404},
		{"GET", "/v2/a/b/manifests/1", 403},
		{"GET", "/v2/a/b/manifests/1?ns=quay", 403},
		{"GET", "/v2/a/b/manifests/1?ns=quay.io/x", 403},
		{"GET", "/v2/a/b/manifests/1?ns=user:secret@quay.io", 403},
		{"GET", "/v2/a/b/manifests/1?ns=http://quay.io", 403},
		{"GET", "/v2/a/b/blobs/1?ns=quay.io", 403},
		{"GET", "/v2/a/b/manifests/1?ns=" + b.host, 403},
		{"GET", "/v2/a/b/manifests/1?ns=localhost", 403},
		{"GET", "/v2/a/b/manifests/1?ns=127.0.0.1:22", 403},
		{"GET", "/v2/a/b/manifests/1?ns=2130706433.", 403},
		{"GET", "/v2/a/b/manifests/1?ns=169.254.169.254", 403},
		{"GET", "/v2/a/b/manifests/1?ns=10.0.0.1", 403},
		{"GET", "/v2/a/b/manifests/1?ns=192.168.0.1:5000", 403},
		{"GET", "/v2/a/b/manifests/1?ns=198.19.0.1", 403},
	} {
		if got := p.do(one.method, one.path); got.status != one.status {
			t.Errorf("%s %s: %s %s", one.method, one.path, got.line, got.body)
		}
	}
	if b.count() > 0 {
		t.Errorf("asked: %v", b.asked)
	}
	if got := p.do("GET", "/v2/"); got.status != 200 {
		t.Error(got.line)
	}
	if got := p.do("GET", "/v2/", tokenHeader, "guessed"); got.status != 403 {
		t.Error(got.line)
	}
	address := strings.TrimPrefix(p.url, "http://")
	for _, request := range []string{
		"GET http://example.com/v2/ HTTP/1.1\r\nHost: example.com\r\n",
		"GET /v2/ HTTP/1.1\r\nHost: example.com\r\n",
		"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n",
	} {
		connection := must(net.Dial("tcp", address))
		fmt.Fprintf(connection, "%s%s: %s\r\nConnection: close\r\n\r\n", request, tokenHeader, testToken)
		got := string(must(io.ReadAll(connection)))
		if !strings.HasPrefix(got, "HTTP/1.1 4") {
			t.Errorf("%s: %s", request, got)
		}
	}
}

// A registry that people may name must not lead to one that they may not.
func TestRedirectIntoTheHost(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 100)
	other := newBed(t)
	b.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		http.Redirect(w, r, other.registry.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	if got := b.proxy().get("a/b", "blobs", layerDigest(image)); got.status != 403 || other.count() > 0 {
		t.Fatal(got.line, other.asked)
	}
}

func TestMirrors(t *testing.T) {
	b := newBed(t)
	image := b.push("prefix/a/b:1", "amd64", 100)
	b.settings.From = ""
	b.settings.Mirrors = map[string][]string{"quay.io": {"http://127.0.0.1:1", b.registry.URL + "/v2/prefix"}}
	b.proxy().pull("a/b", "1", image)
}

func TestLogin(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 100)
	b.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "me" && password == "s3cret" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(401)
		return true
	})
	if got := b.proxy().get("a/b", "manifests", "1"); got.status != 403 {
		t.Fatal(got.line)
	}
	folder := os.Getenv("DOCKER_CONFIG")
	login := base64.StdEncoding.EncodeToString([]byte("me:s3cret"))
	check(t, os.WriteFile(filepath.Join(folder, "config.json"), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, b.host, login), 0o600))
	b.proxy().pull("a/b", "1", image)

	// By a helper, a program of the user's.
	helper := "#!/bin/sh\nread host\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"me\",\"Secret\":\"s3cret\"}' \"$host\"\n"
	check(t, os.WriteFile(filepath.Join(folder, "docker-credential-test"), []byte(helper), 0o700))
	check(t, os.WriteFile(filepath.Join(folder, "config.json"), fmt.Appendf(nil, `{"credHelpers":{%q:"test"}}`, b.host), 0o600))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	b.settings.Cache = t.TempDir()
	b.proxy().pull("a/b", "1", image)
	// A login names the registry: it may then be on this machine.
	b.settings.From = ""
	if got := b.proxy().do("GET", "/v2/a/b/manifests/1?ns="+b.host); got.status != 200 {
		t.Fatal(got.line)
	}
}
