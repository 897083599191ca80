package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// A manifest is some kilobytes; registries allow up to 4 MiB.
	manifestLimit = 8 << 20
	// failureMemory spares a registry the many tries of containerd.
	failureMemory = 5 * time.Second
)

// images gets manifests and blobs: from the cache, else from where the settings say.
type images struct {
	registries *registries
	folders    *archives
	downloads  downloads
	platform   v1.Platform

	mutex    sync.Mutex
	failures map[string]failure
	sizes    map[string]int64
}

type failure struct {
	problem *problem
	until   time.Time
}

func newImages() *images {
	return &images{
		registries: newRegistries(),
		folders:    &archives{},
		downloads:  downloads{now: map[string]*download{}},
		platform:   v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		failures:   map[string]failure{},
		sizes:      map[string]int64{},
	}
}

// remember keeps a failure for a moment.
func (i *images) remember(key string, err error) error {
	var found *problem
	if !errors.As(err, &found) {
		return err
	}
	until := found.until
	if until.IsZero() {
		until = time.Now().Add(failureMemory)
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if len(i.failures) > 1000 {
		clear(i.failures)
	}
	i.failures[key] = failure{found, until}
	return found
}

func (i *images) remembered(key string) error {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if found, known := i.failures[key]; known && time.Now().Before(found.until) {
		return found.problem
	}
	return nil
}

// manifest gives the manifest of an image, checked against its digest, of a kind that this machine can run.
func (i *images) manifest(ctx context.Context, s Settings, of image) ([]byte, string, error) {
	key := s.From + " " + of.String()
	if err := i.remembered(key); err != nil {
		return nil, "", err
	}
	text, digest, err := i.findManifest(ctx, s, of)
	if err == nil {
		err = i.checkPlatform(ctx, s, of, text)
	}
	if err != nil {
		return nil, "", i.remember(key, err)
	}
	return text, digest, nil
}

func (i *images) findManifest(ctx context.Context, s Settings, of image) ([]byte, string, error) {
	kept := cache{s.Cache, s.CacheBytes}
	if of.isDigest() {
		text, err := kept.read(of.reference)
		if err != nil {
			text, err = i.fetchManifest(ctx, s, of, of.reference)
		}
		return text, of.reference, err
	}
	digest, text, err := i.resolve(ctx, s, of)
	var found *problem
	if errors.As(err, &found) && found.passes() {
		// What the tag meant when the registry last answered.
		if digest = kept.tag(s, of); digest != "" {
			err = nil
		}
	}
	if err != nil {
		return nil, "", err
	}
	if text == nil {
		if text, err = kept.read(digest); err != nil {
			text, err = i.fetchManifest(ctx, s, of, digest)
		}
	}
	if err == nil {
		kept.setTag(s, of, digest)
		kept.write(digest, text)
	}
	return text, digest, err
}

// resolve asks what a tag means now. Registries that do not say give the manifest itself.
func (i *images) resolve(ctx context.Context, s Settings, of image) (string, []byte, error) {
	if s.hasArchives() {
		digest, err := i.folders.resolve(s, of)
		return digest, nil, err
	}
	var digest string
	var text []byte
	err := i.each(s, of, func(e endpoint) error {
		answer, err := i.registries.ask(ctx, e, of.repository, http.MethodHead, "manifests/"+of.reference, http.Header{"Accept": manifestTypes})
		if err != nil {
			return err
		}
		answer.Body.Close()
		if digest = answer.Header.Get("Docker-Content-Digest"); digestShape.MatchString(digest) {
			return nil
		}
		text, err = i.getManifest(ctx, e, of)
		digest = digestOf(text)
		return err
	})
	return digest, text, err
}

func (i *images) fetchManifest(ctx context.Context, s Settings, of image, digest string) ([]byte, error) {
	of.reference = digest
	var text []byte
	var err error
	if s.hasArchives() {
		text, err = i.folders.read(s, digest)
	} else {
		err = i.each(s, of, func(e endpoint) (err error) {
			text, err = i.getManifest(ctx, e, of)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	if found := digestOf(text); found != digest {
		return nil, differs("the manifest of %s has the digest %s", of, found)
	}
	if _, err := parseManifest(text); err != nil {
		return nil, err
	}
	cache{s.Cache, s.CacheBytes}.write(digest, text)
	return text, nil
}

func (i *images) getManifest(ctx context.Context, e endpoint, of image) ([]byte, error) {
	answer, err := i.registries.ask(ctx, e, of.repository, http.MethodGet, "manifests/"+of.reference, http.Header{"Accept": manifestTypes})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, manifestLimit))
	if err != nil {
		return nil, asProblem(e.host, err)
	}
	return text, nil
}

// each asks one endpoint after the other. The last word is that of the registry itself.
func (i *images) each(s Settings, of image, ask func(endpoint) error) error {
	endpoints, err := s.endpoints(of.registry)
	if err != nil {
		return denied("%v", err)
	}
	for _, one := range endpoints {
		if err = ask(one); err == nil {
			return nil
		}
	}
	return err
}

// checkPlatform refuses what could only end as "exec format error".
func (i *images) checkPlatform(ctx context.Context, s Settings, of image, text []byte) error {
	found, err := parseManifest(text)
	if err != nil {
		return err
	}
	wanted := i.platform.OS + "/" + i.platform.Architecture
	if found.isIndex() {
		if len(found.forPlatform(i.platform)) == 0 {
			return denied("%s is for %s, and this machine is %s", of, found.platforms(), wanted)
		}
		return nil
	}
	i.note(found)
	config, err := i.small(ctx, s, of, found.Config)
	if err != nil {
		return err
	}
	var platform v1.Platform
	if json.Unmarshal(config, &platform) == nil && platform.Architecture != "" &&
		(platform.Architecture != i.platform.Architecture || platform.OS != i.platform.OS) {
		return denied("%s is for %s/%s, and this machine is %s", of, platform.OS, platform.Architecture, wanted)
	}
	return nil
}

// note remembers how large the parts of an image are.
func (i *images) note(found manifest) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	for _, one := range found.blobs() {
		i.sizes[one.Digest] = one.Size
	}
}

// small gives a blob that fits into memory.
func (i *images) small(ctx context.Context, s Settings, of image, what descriptor) ([]byte, error) {
	if what.Size > manifestLimit {
		return nil, differs("the configuration of %s is too large", of)
	}
	text := &strings.Builder{}
	of.reference = what.Digest
	if err := i.copyBlob(ctx, s, of, text, 0); err != nil {
		return nil, err
	}
	return []byte(text.String()), nil
}

// blobSource gets a blob from where the settings say.
func (i *images) blobSource(s Settings, of image) source {
	return func(ctx context.Context, from int64) (part, error) {
		if s.hasArchives() {
			return i.folders.open(s, of.reference, from)
		}
		var found part
		err := i.each(s, of, func(e endpoint) error {
			header := http.Header{}
			if from > 0 {
				header.Set("Range", fmt.Sprintf("bytes=%d-", from))
			}
			answer, err := i.registries.ask(ctx, e, of.repository, http.MethodGet, "blobs/"+of.reference, header)
			var refused *problem
			if from > 0 && errors.As(err, &refused) && refused.upstream == http.StatusRequestedRangeNotSatisfiable {
				answer, err = i.registries.ask(ctx, e, of.repository, http.MethodGet, "blobs/"+of.reference, nil)
			}
			if err != nil {
				return err
			}
			found = part{body: answer.Body, size: answer.ContentLength}
			if answer.StatusCode == http.StatusPartialContent {
				found.from, found.size = contentRange(answer.Header.Get("Content-Range"))
			}
			return nil
		})
		return found, err
	}
}

// contentRange reads `bytes 5-9/10`.
func contentRange(text string) (int64, int64) {
	var from, to, size int64
	if _, err := fmt.Sscanf(text, "bytes %d-%d/%d", &from, &to, &size); err != nil {
		return 0, -1
	}
	return from, size
}

// blob finds a blob in the cache, or joins its transfer.
func (i *images) blob(s Settings, of image) (*os.File, int64, *download, error) {
	kept := cache{s.Cache, s.CacheBytes}
	if file, size, err := kept.open(of.reference); err == nil {
		return file, size, nil, nil
	}
	if err := i.remembered(of.reference); err != nil {
		return nil, 0, nil, err
	}
	i.mutex.Lock()
	size, known := i.sizes[of.reference]
	i.mutex.Unlock()
	if !known {
		size = -1
	}
	from := i.blobSource(s, of)
	// It goes on when containerd has gone: the next one finds it.
	return nil, size, i.downloads.join(context.Background(), kept, of.reference, size, func(ctx context.Context, at int64) (part, error) {
		found, err := from(ctx, at)
		if err != nil {
			return found, i.remember(of.reference, err)
		}
		return found, nil
	}), nil
}

// copyBlob writes a blob from a byte on, from the cache or past it.
func (i *images) copyBlob(ctx context.Context, s Settings, of image, w io.Writer, from int64) error {
	file, _, running, err := i.blob(s, of)
	if err != nil {
		return err
	}
	if file != nil {
		defer file.Close()
		if _, err := file.Seek(from, io.SeekStart); err != nil {
			return err
		}
		_, err = io.Copy(w, file)
		return err
	}
	return i.copyRunning(ctx, s, of, running, w, from)
}

func (i *images) copyRunning(ctx context.Context, s Settings, of image, running *download, w io.Writer, from int64) error {
	kept := cache{s.Cache, s.CacheBytes}
	sent, err := running.follow(ctx, kept, w, from)
	if errors.Is(err, errNoRoom) {
		return i.passOn(ctx, s, of, w, from+sent)
	}
	if err != nil && ctx.Err() == nil {
		return i.remember(of.reference, err)
	}
	return err
}

// passOn gives a blob that cannot be kept. A whole one is checked on its way:
// without its last byte containerd takes nothing.
func (i *images) passOn(ctx context.Context, s Settings, of image, w io.Writer, from int64) error {
	found, err := i.blobSource(s, of)(ctx, from)
	if err != nil {
		return i.remember(of.reference, err)
	}
	defer found.body.Close()
	sum := sha256.New()
	if _, err := io.CopyN(io.Discard, found.body, from-found.from); err != nil {
		return err
	}
	var last []byte
	buffer := make([]byte, 128<<10)
	for err == nil {
		var count int
		count, err = found.body.Read(buffer)
		if count == 0 {
			continue
		}
		sum.Write(buffer[:count])
		if _, failed := w.Write(append(last, buffer[:count-1]...)); failed != nil {
			return failed
		}
		last = []byte{buffer[count-1]}
	}
	if err != io.EOF {
		return asProblem(of.registry, err)
	}
	if from == 0 && sumText(sum) != of.reference {
		return i.remember(of.reference, differs("the content of %s has the digest %s", of, sumText(sum)))
	}
	_, err = w.Write(last)
	return err
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func sizeText(size int64) string { return strconv.FormatInt(size, 10) }
