package main

import (
	"context"
	"encoding/json"
	"log"
	"sync"
	"time"
)

// pulls is FILE pulls.json: how far the images are that the node takes, for people who wait.
type pulls struct {
	path string

	mutex   sync.Mutex
	changed bool
	images  map[string]*pull
	// latest is the image that a repository was last asked for by containerd.
	latest map[string]string
}

type pull struct {
	// Done and Total are bytes, Total that of all parts of the image, also those that the node has already.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`

	parts map[string]bool
}

func newPulls(path string) *pulls {
	return &pulls{path: path, images: map[string]*pull{}, latest: map[string]string{}}
}

func repositoryOf(asked image) string { return asked.registry + "/" + asked.repository }

// asked notes under which name an image is pulled: the rest is asked for by digest.
func (p *pulls) asked(of image) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	repository := repositoryOf(of)
	if !of.isDigest() || p.latest[repository] == "" {
		p.latest[repository] = of.String()
	}
}

func (p *pulls) found(of image, m manifest) {
	if m.isIndex() {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	one := &pull{parts: map[string]bool{}}
	for _, blob := range m.blobs() {
		one.Total += blob.Size
		one.parts[blob.Digest] = true
	}
	p.images[p.latest[repositoryOf(of)]] = one
	p.changed = true
}

func (p *pulls) served(of image, bytes int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if one := p.images[p.latest[repositoryOf(of)]]; one != nil && one.parts[of.reference] {
		one.Done = min(one.Done+int64(bytes), one.Total)
		p.changed = true
	}
}

// keepWriting brings the file up to date twice a second, where there is anything new.
func (p *pulls) keepWriting(ctx context.Context) {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			p.write()
		}
	}
}

func (p *pulls) write() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.changed {
		return
	}
	text, err := json.Marshal(map[string]any{"images": p.images})
	if err == nil {
		err = replaceFile(p.path, append(text, '\n'))
	}
	if err != nil {
		log.Printf("pulls: %v", err)
	}
	p.changed = false
}
