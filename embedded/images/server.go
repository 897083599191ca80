package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// tokenHeader carries what only the node's containerd knows: pods that share the node's network cannot ask.
const tokenHeader = "X-Tracewright-Token"

var (
	manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)
	blobPath     = regexp.MustCompile(`^/v2/(.+)/blobs/([^/]+)$`)
)

// server answers containerd: GET and HEAD of manifests and blobs, and nothing else.
type server struct {
	images   *images
	settings func() (Settings, error)
	pulls    *pulls
	token    string
	// address is its own, the only one that it may be called by.
	address string
	life    context.Context
}

func newServer(life context.Context, settings func() (Settings, error), pulls *pulls, token, address string) *server {
	return &server{images: newImages(), settings: settings, pulls: pulls, token: token, address: address, life: life}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, kind, refusal := s.read(r)
	if refusal != nil {
		refusal.answer(w, r)
		return
	}
	if kind == "" {
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		return
	}
	settings, err := s.settings()
	if err != nil {
		unavailable("the image proxy has no settings: %v", err).answer(w, r)
		return
	}
	if kind == "manifest" {
		s.manifest(w, r, settings, asked)
	} else {
		s.blob(w, r, settings, asked)
	}
}

// read says what is asked for: a manifest, a blob, or (with no kind) whether there is a registry here.
func (s *server) read(r *http.Request) (image, string, *problem) {
	var asked image
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return asked, "", &problem{status: http.StatusMethodNotAllowed, code: "UNSUPPORTED", message: "images can only be read here"}
	}
	if r.URL.IsAbs() || r.Host != s.address {
		return asked, "", &problem{status: http.StatusMisdirectedRequest, code: "DENIED", message: "this is a registry, and no proxy to other hosts"}
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(s.token)) != 1 {
		return asked, "", denied("only the node may ask")
	}
	if r.URL.Path == "/v2/" || r.URL.Path == "/v2" {
		return asked, "", nil
	}
	kind, parts := "manifest", manifestPath.FindStringSubmatch(r.URL.Path)
	if parts == nil {
		kind, parts = "blob", blobPath.FindStringSubmatch(r.URL.Path)
	}
	if parts == nil || r.URL.RawPath != "" {
		return asked, "", unknown("there is nothing at this path")
	}
	asked = image{registry: strings.ToLower(r.URL.Query().Get("ns")), repository: parts[1], reference: parts[2]}
	switch {
	case !isRegistry(asked.registry):
		return asked, "", denied("%q is no registry's name", asked.registry)
	case !repositoryShape.MatchString(asked.repository):
		return asked, "", denied("%q is no repository's name", asked.repository)
	case !digestShape.MatchString(asked.reference) && (kind == "blob" || !tagShape.MatchString(asked.reference)):
		return asked, "", denied("%q is neither tag nor digest", asked.reference)
	}
	return asked, kind, nil
}

func (s *server) manifest(w http.ResponseWriter, r *http.Request, settings Settings, asked image) {
	s.pulls.asked(asked)
	text, digest, err := s.images.manifest(r.Context(), settings, asked)
	if err != nil {
		asProblem(asked.registry, err).answer(w, r)
		return
	}
	found, err := parseManifest(text)
	if err != nil {
		asProblem(asked.registry, err).answer(w, r)
		return
	}
	s.pulls.found(asked, found)
	header := w.Header()
	header.Set("Content-Type", found.MediaType)
	header.Set("Docker-Content-Digest", digest)
	header.Set("Content-Length", sizeText(int64(len(text))))
	if r.Method == http.MethodGet {
		_, _ = w.Write(text)
	}
}

func (s *server) blob(w http.ResponseWriter, r *http.Request, settings Settings, asked image) {
	file, size, running, err := s.images.blob(settings, asked)
	if err != nil {
		asProblem(asked.registry, err).answer(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	counted := &countingWriter{ResponseWriter: w, count: func(bytes int) { s.pulls.served(asked, bytes) }}
	if file != nil {
		defer file.Close()
		http.ServeContent(counted, r, "", time.Time{}, file)
		return
	}
	known, err := running.known(r.Context())
	if err != nil && !errors.Is(err, errNoRoom) {
		asProblem(asked.registry, s.images.remember(asked.reference, err)).answer(w, r)
		return
	}
	if known >= 0 {
		size = known
	}
	from := rangeStart(r.Header.Get("Range"), size)
	if size >= 0 {
		w.Header().Set("Content-Length", sizeText(size-from))
	}
	if from > 0 {
		w.Header().Set("Content-Range", "bytes "+sizeText(from)+"-"+sizeText(size-1)+"/"+sizeText(size))
		counted.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodHead {
		return
	}
	if err := s.images.copyRunning(r.Context(), settings, asked, running, counted, from); err != nil {
		log.Printf("blob %s of %s: %v", asked.reference, asked.repository, err)
		if !counted.began {
			w.Header().Del("Content-Length")
			asProblem(asked.registry, err).answer(w, r)
			return
		}
		// A cut connection is how HTTP says that what came is not all.
		panic(http.ErrAbortHandler)
	}
}

// rangeStart reads `bytes=5-`, which is what containerd sends to go on; anything else is the whole.
func rangeStart(text string, size int64) int64 {
	parts := regexp.MustCompile(`^bytes=(\d{1,15})-$`).FindStringSubmatch(text)
	if parts == nil || size < 0 {
		return 0
	}
	from := int64(0)
	for _, digit := range parts[1] {
		from = from*10 + int64(digit-'0')
	}
	if from >= size {
		return 0
	}
	return from
}

type countingWriter struct {
	http.ResponseWriter
	count func(bytes int)
	began bool
}

func (c *countingWriter) WriteHeader(status int) {
	c.began = true
	c.ResponseWriter.WriteHeader(status)
}

func (c *countingWriter) Write(text []byte) (int, error) {
	c.began = true
	count, err := c.ResponseWriter.Write(text)
	c.count(count)
	return count, err
}
