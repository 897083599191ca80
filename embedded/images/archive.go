package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// archives reads images out of a folder of archives, as `docker save`, `skopeo copy … oci-archive:` and our own save
// write them, packed by gzip or not. What is in which archive is read once for each version of it.
type archives struct {
	mutex sync.Mutex
	files map[string]*archive
}

type archive struct {
	size     int64
	modified time.Time
	// content is the archive itself, or what was packed in it.
	content *os.File
	// damage is why it cannot be read.
	damage error
	// digests are of the manifests, by the full name of an image.
	digests map[string]string
	// contents are made of what the archive itself does not have in one piece: manifests of old docker archives.
	contents map[string][]byte
	blobs    map[string]span
}

var archiveName = regexp.MustCompile(`\.(tar|tar\.gz|tgz)$`)

// span is where a blob lies in the archive.
type span struct{ at, size int64 }

// look reads what is new in the folder.
func (a *archives) look(folder, scratch string) ([]*archive, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, denied("the folder of images cannot be read: %v", err)
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	known := a.files
	a.files = map[string]*archive{}
	var found []*archive
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || !archiveName.MatchString(entry.Name()) {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		one := known[path]
		if one == nil || one.size != info.Size() || !one.modified.Equal(info.ModTime()) {
			if one, err = readArchive(path, scratch); err != nil {
				log.Printf("%s: %v", path, err)
				one = &archive{damage: fmt.Errorf("%s: %w", entry.Name(), err)}
			}
			one.size, one.modified = info.Size(), info.ModTime()
		}
		a.files[path] = one
		found = append(found, one)
	}
	return found, nil
}

func (a *archives) resolve(s Settings, of image) (string, error) {
	files, err := a.look(s.From, s.Cache)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if digest, has := file.digests[fullName(of.String())]; has {
			return digest, nil
		}
	}
	return "", noArchive(s.From, of.String(), files)
}

// noArchive says what was looked at in vain, and what could not be. Not as 404, of which containerd tells nobody more
// than "not found".
func noArchive(folder, what string, files []*archive) *problem {
	damaged := ""
	for _, file := range files {
		if file.damage != nil {
			damaged += fmt.Sprintf("; %v", file.damage)
		}
	}
	return denied("no archive (*.tar, *.tar.gz) in %s has %s%s", folder, what, damaged)
}

func (a *archives) read(s Settings, digest string) ([]byte, error) {
	found, err := a.open(s, digest, 0)
	if err != nil {
		return nil, err
	}
	defer found.body.Close()
	return io.ReadAll(io.LimitReader(found.body, manifestLimit))
}

func (a *archives) open(s Settings, digest string, from int64) (part, error) {
	files, err := a.look(s.From, s.Cache)
	if err != nil {
		return part{}, err
	}
	for _, file := range files {
		if text, has := file.contents[digest]; has {
			return part{io.NopCloser(strings.NewReader(string(text))), 0, int64(len(text))}, nil
		}
		if where, has := file.blobs[digest]; has {
			from = min(from, where.size)
			section := io.NewSectionReader(file.content, where.at+from, where.size-from)
			return part{io.NopCloser(section), from, where.size}, nil
		}
	}
	return part{}, noArchive(s.From, digest, files)
}

// fullName spells out what Docker leaves out, so that two spellings of a name meet.
func fullName(text string) string {
	parsed, err := name.ParseReference(text, name.WeakValidation)
	if err != nil {
		return text
	}
	return parsed.Name()
}

// readArchive keeps the file open, as long as anybody reads it: os.File closes itself then.
func readArchive(path, scratch string) (*archive, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if file, err = unpacked(file, scratch); err != nil {
		return nil, fmt.Errorf("it cannot be unpacked: %w", err)
	}
	entries, links, err := readEntries(file)
	if err != nil {
		return nil, fmt.Errorf("no archive that can be read: %w", err)
	}
	one := &archive{content: file, digests: map[string]string{}, contents: map[string][]byte{}, blobs: map[string]span{}}
	for entry, where := range entries {
		if rest, is := strings.CutPrefix(entry, "blobs/sha256/"); is {
			one.blobs["sha256:"+rest] = where
		}
	}
	read := func(entry string) ([]byte, bool) {
		if target, is := links[entry]; is {
			entry = target
		}
		where, has := entries[entry]
		if !has || where.size > manifestLimit {
			return nil, false
		}
		text := make([]byte, where.size)
		_, err := file.ReadAt(text, where.at)
		return text, err == nil
	}
	if text, has := read("index.json"); has {
		err = one.readLayout(text)
	} else if _, has := read("manifest.json"); has {
		err = one.readDocker(file, read, entries, links)
	} else {
		err = errors.New("neither index.json nor manifest.json is in it")
	}
	return one, err
}

// unpacked gives what is in a file that gzip packed: parts of it cannot be read from any byte on otherwise. It lies in
// the scratch folder without a name, so that nothing remains of it, whatever happens.
func unpacked(file *os.File, scratch string) (*os.File, error) {
	start := make([]byte, 2)
	if _, err := file.ReadAt(start, 0); err != nil || !isGzip(start) {
		return file, nil
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, err
	}
	content, err := os.CreateTemp(scratch, ".unpacked-*")
	if err != nil {
		return nil, err
	}
	if err = os.Remove(content.Name()); err == nil {
		_, err = io.Copy(content, packed)
	}
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		content.Close()
		return nil, err
	}
	return content, nil
}

func isGzip(start []byte) bool { return start[0] == 0x1f && start[1] == 0x8b }

// readEntries says where each file of the archive lies, and where its links lead.
func readEntries(file *os.File) (map[string]span, map[string]string, error) {
	entries, links := map[string]span{}, map[string]string{}
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries, links, nil
		}
		if err != nil {
			return nil, nil, err
		}
		entry := filepath.Clean(header.Name)
		switch header.Typeflag {
		case tar.TypeReg:
			at, err := file.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, nil, err
			}
			entries[entry] = span{at, header.Size}
		case tar.TypeSymlink:
			links[entry] = filepath.Join(filepath.Dir(entry), header.Linkname)
		case tar.TypeLink:
			links[entry] = filepath.Clean(header.Linkname)
		}
	}
}

// readLayout is for OCI archives, and for those of Docker 25 and newer.
func (a *archive) readLayout(text []byte) error {
	index, err := parseManifest(text)
	if err != nil {
		return err
	}
	for _, one := range index.Manifests {
		for _, key := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
			if image := one.Annotations[key]; strings.ContainsAny(image, "/:") {
				a.digests[fullName(image)] = one.Digest
			}
		}
	}
	return nil
}

// layerOf says what a layer is. Unpacked ones have the digest that the configuration names.
func layerOf(layer io.ReadSeeker, unpacked string) (string, string, error) {
	const kind = "application/vnd.oci.image.layer.v1.tar"
	start := make([]byte, 2)
	if _, err := io.ReadFull(layer, start); err != nil || !isGzip(start) {
		return kind, unpacked, nil
	}
	if _, err := layer.Seek(0, io.SeekStart); err != nil {
		return "", "", err
	}
	sum := sha256.New()
	_, err := io.Copy(sum, layer)
	return kind + "+gzip", sumText(sum), err
}

// readDocker is for what `docker save` wrote before: it has configurations and layers, and we make the manifest.
func (a *archive) readDocker(file *os.File, read func(string) ([]byte, bool), entries map[string]span, links map[string]string) error {
	text, _ := read("manifest.json")
	var images []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(text, &images); err != nil {
		return err
	}
	for _, one := range images {
		config, has := read(one.Config)
		var parsed struct {
			RootFS struct {
				DiffIDs []string `json:"diff_ids"`
			} `json:"rootfs"`
		}
		if !has || json.Unmarshal(config, &parsed) != nil || len(parsed.RootFS.DiffIDs) != len(one.Layers) {
			return errors.New("its manifest.json and its configuration do not fit together")
		}
		layers := make([]descriptor, len(one.Layers))
		for index, layer := range one.Layers {
			entry := filepath.Clean(layer)
			if target, is := links[entry]; is {
				entry = target
			}
			where, has := entries[entry]
			if !has {
				return fmt.Errorf("%s is missing", layer)
			}
			kind, digest, err := layerOf(io.NewSectionReader(file, where.at, where.size), parsed.RootFS.DiffIDs[index])
			if err != nil {
				return err
			}
			a.blobs[digest] = where
			layers[index] = descriptor{MediaType: kind, Digest: digest, Size: where.size}
		}
		a.contents[digestOf(config)] = config
		made, err := json.Marshal(map[string]any{
			"schemaVersion": 2,
			"mediaType":     manifestTypes[2],
			"config":        descriptor{MediaType: "application/vnd.oci.image.config.v1+json", Digest: digestOf(config), Size: int64(len(config))},
			"layers":        layers,
		})
		if err != nil {
			return err
		}
		a.contents[digestOf(made)] = made
		for _, tag := range one.RepoTags {
			a.digests[fullName(tag)] = digestOf(made)
		}
	}
	return nil
}
