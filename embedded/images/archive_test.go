package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func (b *bed) save(images ...string) ([]saved, string) {
	b.t.Helper()
	folder := filepath.Join(b.t.TempDir(), "archives")
	settings := filepath.Join(b.t.TempDir(), "settings.json")
	check(b.t, os.WriteFile(settings, must(json.Marshal(b.settings)), 0o600))
	output := &strings.Builder{}
	check(b.t, save(context.Background(), settings, folder, strings.NewReader(strings.Join(images, "\n")), output))
	var told []saved
	for decoder := json.NewDecoder(strings.NewReader(output.String())); decoder.More(); {
		var one saved
		check(b.t, decoder.Decode(&one))
		told = append(told, one)
	}
	return told, folder
}

func TestSavedImagesCanBePulled(t *testing.T) {
	b := newBed(t)
	single := b.push("grafana/grafana:9.3.6", "amd64", 50_000)
	index := b.pushIndex("a/index:1", "amd64", "arm64")
	told, folder := b.save("grafana/grafana:9.3.6", "quay.io/a/index:1@"+must(index.Digest()).String())
	if len(told) != 2 || !told[0].Done || !told[1].Done {
		t.Fatalf("%+v", told)
	}
	b.settings = Settings{Cache: t.TempDir(), CacheBytes: 1 << 30, From: folder}
	b.registry.Close()
	p := b.proxy()
	got := p.do("HEAD", "/v2/grafana/grafana/manifests/9.3.6?ns=docker.io")
	if got.header.Get("Docker-Content-Digest") != must(single.Digest()).String() {
		t.Fatal(got.line)
	}
	for _, reference := range []string{"1", must(index.Digest()).String()} {
		if got := p.get("a/index", "manifests", reference); string(got.body) != string(must(index.RawManifest())) {
			t.Fatalf("%s: %s", reference, got.line)
		}
	}
	wanted, _ := parseManifest(must(index.RawManifest()))
	inner := p.get("a/index", "manifests", wanted.forPlatform(p.server.images.platform)[0].Digest)
	parts, err := parseManifest(inner.body)
	check(t, err)
	for _, part := range parts.blobs() {
		if got := p.get("a/index", "blobs", part.Digest); int64(len(got.body)) != part.Size {
			t.Fatal(got.line)
		}
	}
	if got := p.do("HEAD", "/v2/not/here/manifests/1?ns=quay.io"); got.status != 403 || !strings.Contains(got.line, "no archive") {
		t.Fatal(got.line)
	}
}

func TestSaveSaysWhatFailed(t *testing.T) {
	b := newBed(t)
	told, folder := b.save("quay.io/not/there:1")
	if len(told) != 1 || told[0].Done || told[0].Status != 404 {
		t.Fatalf("%+v", told)
	}
	if left := must(os.ReadDir(folder)); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
}

func TestDockerArchives(t *testing.T) {
	b := newBed(t)
	folder := t.TempDir()
	image := must(random.Image(5000, 2))
	tag := must(name.NewTag("grafana/tempo:2.0.0"))
	check(t, tarball.WriteToFile(filepath.Join(folder, "packed.tar"), tag, image))
	// As docker save does it: layers unpacked.
	unpacked := t.TempDir()
	script := `tar -xf packed.tar -C "$0" && cd "$0" && for layer in *.tar.gz; do gunzip "$layer"; done && sed -i 's/\.tar\.gz/.tar/g; s/2\.0\.0/unpacked/' manifest.json && tar -cf "$1/unpacked.tar" * &&
		sed -i 's/unpacked/gzip/' manifest.json && tar -czf "$1/docker.tar.gz" * && sed -i 's/gzip/tgz/' manifest.json && tar -czf "$1/docker.tgz" *`
	command := exec.Command("sh", "-c", script, unpacked, folder)
	command.Dir = folder
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatal(string(said))
	}
	check(t, os.WriteFile(filepath.Join(folder, "rubbish.tar"), []byte("no archive"), 0o600))
	b.settings = Settings{Cache: t.TempDir(), CacheBytes: 1 << 30, From: folder}
	p := b.proxy()
	check(t, os.WriteFile(filepath.Join(folder, "cut.tar.gz"), must(os.ReadFile(filepath.Join(folder, "docker.tgz")))[:3000], 0o600))
	for _, tag := range []string{"2.0.0", "unpacked", "gzip", "tgz"} {
		got := p.do("GET", "/v2/grafana/tempo/manifests/"+tag+"?ns=docker.io")
		if got.status != 200 {
			t.Fatalf("%s: %s", tag, got.body)
		}
		parts, err := parseManifest(got.body)
		check(t, err)
		for _, part := range parts.blobs() {
			blob := p.do("GET", "/v2/grafana/tempo/blobs/"+part.Digest+"?ns=docker.io")
			if digestOf(blob.body) != part.Digest || int64(len(blob.body)) != part.Size {
				t.Fatalf("%s: %s", tag, blob.line)
			}
		}
	}
	missing := p.do("HEAD", "/v2/grafana/tempo/manifests/none?ns=docker.io").line
	for _, damaged := range []string{"no archive", "rubbish.tar: ", "cut.tar.gz: "} {
		if !strings.Contains(missing, damaged) {
			t.Errorf("%s is not in: %s", damaged, missing)
		}
	}
	for _, left := range must(os.ReadDir(b.settings.Cache)) {
		if !left.IsDir() {
			t.Errorf("left: %s", left.Name())
		}
	}
}

func TestPullsAreTold(t *testing.T) {
	b := newBed(t)
	image := b.push("grafana/grafana:9.3.6", "amd64", 50_000)
	p := b.proxy()
	p.pull("grafana/grafana", "9.3.6", image)
	manifest := must(image.Manifest())
	want := manifest.Config.Size
	for _, layer := range manifest.Layers {
		want += layer.Size
	}
	// The last bytes are counted after whoever asked for them has got them.
	var told struct{ Images map[string]pull }
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		p.server.pulls.write()
		check(t, json.Unmarshal(must(os.ReadFile(p.server.pulls.path)), &told))
		one := told.Images["quay.io/grafana/grafana:9.3.6"]
		if one.Total == want && one.Done == want-manifest.Config.Size {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, not %d", told, want)
		}
	}
}
