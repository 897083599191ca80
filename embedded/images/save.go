package main

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// saved is one line of save's output: how far an image is, or why it cannot be had.
type saved struct {
	Image   string `json:"image"`
	Bytes   int64  `json:"bytes"`
	Done    bool   `json:"done"`
	Status  int    `json:"status,omitempty"`
	Failure string `json:"failure,omitempty"`
}

// save writes the images whose names stand in the input, one a line, as OCI archives into the folder, for this
// machine's kind of processor. Each is told when it is there; a failed one ends the whole.
func save(ctx context.Context, settings, folder string, input io.Reader, output io.Writer) error {
	now, err := settingsFile(settings)()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	all := newImages()
	tell := json.NewEncoder(output)
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		image := strings.TrimSpace(lines.Text())
		if image == "" {
			continue
		}
		bytes, err := all.save(ctx, now, image, folder)
		if err != nil {
			failed := asProblem(image, err)
			return tell.Encode(saved{Image: image, Status: failed.status, Failure: failed.message})
		}
		if err := tell.Encode(saved{Image: image, Bytes: bytes, Done: true}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// parseReference reads a name as people write it, with a tag, a digest or both.
func parseReference(text string) (image, error) {
	bare, digest, _ := strings.Cut(text, "@")
	parsed, err := name.ParseReference(bare, name.WeakValidation)
	if err != nil {
		return image{}, unknown("%q is no image's name", text)
	}
	registry := parsed.Context().RegistryStr()
	if registry == name.DefaultRegistry {
		registry = "docker.io"
	}
	found := image{registry, parsed.Context().RepositoryStr(), parsed.Identifier()}
	if digest != "" {
		found.reference = digest
	}
	return found, nil
}

// save writes one image. The index of several platforms stays as it is, or its digest would be another one; of its
// images only that of this platform comes along.
func (i *images) save(ctx context.Context, s Settings, text, folder string) (int64, error) {
	of, err := parseReference(text)
	if err != nil {
		return 0, err
	}
	top, digest, err := i.manifest(ctx, s, of)
	if err != nil {
		return 0, err
	}
	path := filepath.Join(folder, regexp.MustCompile(`[^\w.-]+`).ReplaceAllString(text, "_")+".tar")
	scratch, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(scratch.Name())
	defer scratch.Close()
	writer := tar.NewWriter(scratch)
	if err := i.saveParts(ctx, s, of, top, digest, text, writer); err != nil {
		return 0, err
	}
	if err := writer.Close(); err != nil {
		return 0, err
	}
	size, err := scratch.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	return size, os.Rename(scratch.Name(), path)
}

func (i *images) saveParts(ctx context.Context, s Settings, of image, top []byte, digest, text string, writer *tar.Writer) error {
	found, err := parseManifest(top)
	if err != nil {
		return err
	}
	// The name without the digest behind it: that is in the descriptor.
	named, _, _ := strings.Cut(text, "@")
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     manifestTypes[0],
		"manifests": []descriptor{{
			MediaType: found.MediaType, Digest: digest, Size: int64(len(top)),
			Annotations: map[string]string{"io.containerd.image.name": fullName(named), "org.opencontainers.image.ref.name": fullName(named)},
		}},
	})
	if err != nil {
		return err
	}
	files := []struct {
		name    string
		content []byte
	}{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", index}, {blobEntry(digest), top}}
	for _, file := range files {
		if err := addFile(writer, file.name, int64(len(file.content))); err != nil {
			return err
		}
		if _, err := writer.Write(file.content); err != nil {
			return err
		}
	}
	if !found.isIndex() {
		return i.saveBlobs(ctx, s, of, found, writer)
	}
	for _, one := range found.forPlatform(i.platform) {
		of.reference = one.Digest
		inner, _, err := i.findManifest(ctx, s, of)
		if err != nil {
			return err
		}
		parsed, err := parseManifest(inner)
		if err != nil {
			return err
		}
		if err := addFile(writer, blobEntry(one.Digest), int64(len(inner))); err != nil {
			return err
		}
		if _, err := writer.Write(inner); err != nil {
			return err
		}
		if err := i.saveBlobs(ctx, s, of, parsed, writer); err != nil {
			return err
		}
	}
	return nil
}

func (i *images) saveBlobs(ctx context.Context, s Settings, of image, found manifest, writer *tar.Writer) error {
	i.note(found)
	seen := map[string]bool{}
	for _, blob := range found.blobs() {
		if seen[blob.Digest] {
			continue
		}
		seen[blob.Digest] = true
		if err := addFile(writer, blobEntry(blob.Digest), blob.Size); err != nil {
			return err
		}
		of.reference = blob.Digest
		if err := i.copyBlob(ctx, s, of, writer, 0); err != nil {
			return fmt.Errorf("%s: %w", blob.Digest, err)
		}
	}
	return nil
}

func blobEntry(digest string) string { return "blobs/" + strings.ReplaceAll(digest, ":", "/") }

func addFile(writer *tar.Writer, name string, size int64) error {
	return writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, Format: tar.FormatPAX})
}
