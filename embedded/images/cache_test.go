package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// half sends half of a blob and cuts the connection, so many times.
func half(digest string, content []byte, times int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, digest) || r.Method != "GET" || times == 0 {
			return false
		}
		times--
		w.Header().Set("Content-Length", sizeText(int64(len(content))))
		_, _ = w.Write(content[:len(content)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestCutInTheMiddle(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 200_000)
	b.misbehave(half(layerDigest(image), layerBytes(image), 2))
	b.proxy().pull("a/b", "1", image)
}

func TestAlwaysCut(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 200_000)
	b.misbehave(half(layerDigest(image), layerBytes(image)[:1000], 1000))
	p := b.proxy()
	if got := p.get("a/b", "blobs", layerDigest(image)); !got.cut && got.status != 502 {
		t.Fatalf("%s, %d bytes", got.line, len(got.body))
	}
	if got := p.get("a/b", "blobs", layerDigest(image)); got.status != 502 || !strings.Contains(string(got.body), "cut off") {
		t.Fatalf("%s %s", got.line, got.body)
	}
	// What came is not lost.
	b.misbehave(nil)
	b.proxy().pull("a/b", "1", image)
}

func TestLiesAboutTheDigest(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 200_000)
	wrong := layerBytes(image)
	wrong[1000] ^= 1
	b.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "GET" && strings.Contains(r.URL.Path, "/blobs/") {
			_, _ = w.Write(wrong)
			return true
		}
		return false
	})
	p := b.proxy()
	if got := p.get("a/b", "blobs", layerDigest(image)); got.status == 200 && (!got.cut || len(got.body) >= len(wrong)) {
		t.Fatal("all of the wrong blob was handed out")
	}
	if got := p.get("a/b", "blobs", layerDigest(image)); got.status != 502 || !strings.Contains(got.line, "has the digest sha256:") {
		t.Fatal(got.line)
	}
	b.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "GET" && strings.Contains(r.URL.Path, "/manifests/") {
			_, _ = w.Write(append(must(image.RawManifest()), '\n'))
			return true
		}
		return false
	})
	if got := b.proxy().get("a/b", "manifests", must(image.Digest()).String()); got.status != 502 || !strings.Contains(got.line, "has the digest") {
		t.Fatal(got.line)
	}
}

func TestBitFlipped(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 100_000)
	p := b.proxy()
	p.pull("a/b", "1", image)
	found := must(filepath.Glob(filepath.Join(b.settings.Cache, "blobs", "*")))
	for _, path := range found {
		content := must(os.ReadFile(path))
		content[len(content)/2] ^= 1
		check(t, os.WriteFile(path, content, 0o600))
	}
	b.forget()
	p.pull("a/b", "1", image)
	if b.count("GET", "/blobs/") == 0 {
		t.Fatal("a damaged blob was handed out, or was not damaged")
	}
}

func TestCacheFull(t *testing.T) {
	for name, spoil := range map[string]func(*bed){
		"limit":     func(b *bed) { b.settings.CacheBytes = 1000 },
		"off":       func(b *bed) { b.settings.CacheBytes = 0 },
		"no folder": func(b *bed) { check(t, os.WriteFile(b.settings.Cache, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			image := b.push("a/b:1", "amd64", 100_000)
			spoil(b)
			p := b.proxy()
			p.pull("a/b", "1", image)
			want := layerBytes(image)
			got := p.do("GET", "/v2/a/b/blobs/"+layerDigest(image)+"?ns=quay.io", "Range", "bytes=50000-")
			if !bytes.HasSuffix(want, got.body) || len(got.body) == 0 {
				t.Fatalf("%s: %d bytes", got.line, len(got.body))
			}
		})
	}
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	b := newBed(t)
	b.settings.CacheBytes = 650_000 // for two of three images
	p := b.proxy()
	old, used, fresh := b.push("a/old:1", "amd64", 130_000), b.push("a/used:1", "amd64", 130_000), b.push("a/fresh:1", "amd64", 130_000)
	p.pull("a/old", "1", old)
	p.pull("a/used", "1", used)
	time.Sleep(20 * time.Millisecond)
	p.pull("a/used", "1", used)
	p.pull("a/fresh", "1", fresh)
	time.Sleep(100 * time.Millisecond)
	b.forget()
	p.pull("a/used", "1", used)
	if b.count("GET", "/blobs/") != 0 {
		t.Errorf("what was used last was removed: %v", b.asked)
	}
	p.pull("a/old", "1", old)
	if b.count("GET", "/blobs/") == 0 {
		t.Error("nothing was removed")
	}
	total := int64(0)
	for _, path := range must(filepath.Glob(filepath.Join(b.settings.Cache, "*", "*"))) {
		total += must(os.Stat(path)).Size()
	}
	if total > 2*650_000 {
		t.Errorf("%d bytes are kept", total)
	}
}

// Two nodes have a proxy each; the tests' two share no memory, only the folder.
func TestTwoNodesAtOnce(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 300_000)
	content := layerBytes(image)
	b.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, layerDigest(image)) {
			return false
		}
		w.Header().Set("Content-Length", sizeText(int64(len(content))))
		for at := 0; at < len(content); at += 50_000 {
			_, _ = w.Write(content[at:min(at+50_000, len(content))])
			w.(http.Flusher).Flush()
			time.Sleep(30 * time.Millisecond)
		}
		return true
	})
	var group sync.WaitGroup
	for _, p := range []*proxy{b.proxy(), b.proxy()} {
		for range 3 {
			group.Go(func() {
				if got := p.get("a/b", "blobs", layerDigest(image)); !bytes.Equal(got.body, content) {
					t.Errorf("%s: %d bytes", got.line, len(got.body))
				}
			})
		}
	}
	group.Wait()
	if count := b.count("GET", "/blobs/"); count != 1 {
		t.Errorf("asked %d times", count)
	}
	if left := must(filepath.Glob(filepath.Join(b.settings.Cache, "partial", "*"))); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestGoesOnAfterAKill(t *testing.T) {
	for name, kept := range map[string]func([]byte) []byte{
		"half":    func(content []byte) []byte { return content[:len(content)/2] },
		"all":     func(content []byte) []byte { return content },
		"damaged": func(content []byte) []byte { return bytes.Repeat([]byte{1}, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			image := b.push("a/b:1", "amd64", 200_000)
			content := layerBytes(image)
			partial := cache{b.settings.Cache, 0}.partial(layerDigest(image))
			check(t, os.MkdirAll(filepath.Dir(partial), 0o700))
			check(t, os.WriteFile(partial, kept(content), 0o600))
			p := b.proxy()
			got := p.get("a/b", "blobs", layerDigest(image))
			if name == "damaged" {
				if !got.cut && got.status == 200 && len(got.body) == len(content) {
					t.Fatal("a damaged blob was handed out")
				}
				time.Sleep(20 * time.Millisecond)
				got = p.get("a/b", "blobs", layerDigest(image))
			}
			if !bytes.Equal(got.body, content) {
				t.Fatalf("%s: %d bytes", got.line, len(got.body))
			}
		})
	}
}

func TestContinuesWhereContainerdWas(t *testing.T) {
	b := newBed(t)
	image := b.push("a/b:1", "amd64", 100_000)
	content := layerBytes(image)
	p := b.proxy()
	for _, when := range []string{"while it comes in", "from the cache"} {
		got := p.do("GET", "/v2/a/b/blobs/"+layerDigest(image)+"?ns=quay.io", "Range", "bytes=70000-")
		if got.status != 206 || !bytes.Equal(got.body, content[70_000:]) {
			t.Errorf("%s: %s, %d bytes", when, got.line, len(got.body))
		}
	}
}
