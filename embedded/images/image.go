package main

import (
	"encoding/json"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// image is what containerd asks for: registry, repository, and a tag or digest.
type image struct {
	// registry is as people write it: docker.io, quay.io, localhost:5000.
	registry   string
	repository string
	reference  string
}

func (i image) isDigest() bool { return strings.Contains(i.reference, ":") }

// String is how people write it.
func (i image) String() string {
	between := ":"
	if i.isDigest() {
		between = "@"
	}
	repository := i.repository
	if i.registry == "docker.io" {
		repository = strings.TrimPrefix(repository, "library/")
	}
	return i.registry + "/" + repository + between + i.reference
}

var (
	registryShape   = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?$`)
	repositoryShape = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	tagShape        = regexp.MustCompile(`^\w[\w.-]{0,127}$`)
	digestShape     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// isRegistry tells a registry's host name from anything else.
func isRegistry(text string) bool {
	return len(text) <= 253 && registryShape.MatchString(text) && (strings.ContainsAny(text, ".:") || text == "localhost")
}

// manifest is what is read of one, and of an index.
type manifest struct {
	MediaType string `json:"mediaType"`
	// Of an image.
	Config descriptor   `json:"config"`
	Layers []descriptor `json:"layers"`
	// Of an index.
	Manifests []descriptor `json:"manifests"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *v1.Platform      `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// parseManifest reads a manifest; where it does not say what it is, its parts do.
func parseManifest(text []byte) (manifest, error) {
	var found manifest
	if err := json.Unmarshal(text, &found); err != nil {
		return found, differs("what it answers is no manifest: %v", err)
	}
	switch {
	case found.MediaType != "" && (len(found.Layers) > 0 || found.Manifests != nil || found.Config.Digest != ""):
	case found.Manifests != nil:
		found.MediaType = manifestTypes[0]
	case found.Config.Digest != "":
		found.MediaType = manifestTypes[2]
	default:
		return found, differs("what it answers is no manifest of a kind that is known here")
	}
	return found, nil
}

func (m manifest) isIndex() bool { return m.Manifests != nil }

// blobs are the parts of an image, with their sizes.
func (m manifest) blobs() []descriptor { return append([]descriptor{m.Config}, m.Layers...) }

// forPlatform are the manifests of an index that a machine of the platform may take.
func (m manifest) forPlatform(platform v1.Platform) []descriptor {
	var found []descriptor
	for _, one := range m.Manifests {
		if one.Platform == nil || (one.Platform.OS == platform.OS && one.Platform.Architecture == platform.Architecture) {
			found = append(found, one)
		}
	}
	return found
}

// platforms are those of an index, for people; signatures and the like have none.
func (m manifest) platforms() string {
	var names []string
	for _, one := range m.Manifests {
		if one.Platform != nil && one.Platform.OS != "unknown" {
			names = append(names, one.Platform.OS+"/"+one.Platform.Architecture)
		}
	}
	return strings.Join(names, ", ")
}
