package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// oldPartial is when a transfer that nobody goes on with is given up.
const oldPartial = 7 * 24 * time.Hour

// cache keeps blobs by their digest in a folder that any number of processes
// share. What is in it is believed only after its digest was counted again.
type cache struct {
	folder string
	limit  int64
}

func (c cache) blob(digest string) string {
	return filepath.Join(c.folder, "blobs", strings.TrimPrefix(digest, "sha256:"))
}

func (c cache) partial(digest string) string {
	return filepath.Join(c.folder, "partial", strings.TrimPrefix(digest, "sha256:"))
}

// open gives a blob whose bytes are what its name says. Damaged ones are removed, as if they had never been there.
func (c cache) open(digest string) (*os.File, int64, error) {
	path := c.blob(digest)
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err == nil && sumText(sum) != digest {
		log.Printf("the blob %s in the cache is damaged: it is fetched again", digest)
		_ = os.Remove(path)
		err = fs.ErrNotExist
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	// Its time is that of the last use.
	now := time.Now()
	_ = os.Chtimes(path, now, now)
	return file, size, nil
}

// read is open for what is small.
func (c cache) read(digest string) ([]byte, error) {
	file, _, err := c.open(digest)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// write keeps what is small, as far as there is room.
func (c cache) write(digest string, content []byte) {
	if c.limit < int64(len(content)) {
		return
	}
	err := replaceFile(c.blob(digest), content)
	if err != nil {
		log.Printf("cache: %v", err)
		return
	}
	c.trim()
}

func replaceFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	scratch, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = scratch.Write(content)
	if closed := scratch.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(scratch.Name(), path)
	}
	if err != nil {
		_ = os.Remove(scratch.Name())
	}
	return err
}

// trim removes what was not used for the longest time until the rest is within the limit.
func (c cache) trim() {
	type entry struct {
		path string
		size int64
		used time.Time
	}
	var (
		entries []entry
		total   int64
	)
	for _, kind := range []string{"blobs", "partial"} {
		found, _ := os.ReadDir(filepath.Join(c.folder, kind))
		for _, one := range found {
			info, err := one.Info()
			if err != nil {
				continue
			}
			path := filepath.Join(c.folder, kind, one.Name())
			if scratch := kind == "partial" || strings.HasPrefix(one.Name(), "."); scratch {
				if time.Since(info.ModTime()) > oldPartial {
					_ = os.Remove(path)
				} else {
					total += info.Size()
				}
				continue
			}
			total += info.Size()
			entries = append(entries, entry{path, info.Size(), info.ModTime()})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.used.Compare(b.used) })
	for _, one := range entries {
		if total <= c.limit {
			return
		}
		// Whoever is reading it has it open.
		if err := os.Remove(one.path); err == nil || errors.Is(err, fs.ErrNotExist) {
			total -= one.size
		}
	}
}

func sumText(sum hash.Hash) string { return "sha256:" + hex.EncodeToString(sum.Sum(nil)) }

// tag is the digest that a tag had last; empty when it is not known.
func (c cache) tag(s Settings, of image) string {
	text, err := os.ReadFile(c.tagPath(s, of))
	if digest := strings.TrimSpace(string(text)); err == nil && digestShape.MatchString(digest) {
		return digest
	}
	return ""
}

func (c cache) setTag(s Settings, of image, digest string) {
	if c.limit > 0 && c.tag(s, of) != digest {
		_ = replaceFile(c.tagPath(s, of), []byte(digest+"\n"))
	}
}

func (c cache) tagPath(s Settings, of image) string {
	key := s.From + " " + of.String()
	return filepath.Join(c.folder, "tags", strings.TrimPrefix(digestOf([]byte(key)), "sha256:"))
}
