package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/config"
)

// Settings are written by whoever starts the cluster, outside of what the node
// can see, and read again whenever they have changed.
type Settings struct {
	// Cache is the folder that blobs are kept in; all clusters of the machine share it.
	Cache string `json:"cache"`
	// CacheBytes bounds the folder; 0 keeps nothing.
	CacheBytes int64 `json:"cacheBytes"`
	// From has every image: a registry as a URL, with a path, or the absolute path of a folder of archives.
	From string `json:"from,omitempty"`
	// Mirrors are asked before a registry: URLs by the registry's name, or by * for all.
	Mirrors map[string][]string `json:"mirrors,omitempty"`
}

// settingsFile gives the settings in a file, read once for each version of it.
func settingsFile(path string) func() (Settings, error) {
	var (
		mutex sync.Mutex
		read  time.Time
		size  int64
		now   Settings
	)
	return func() (Settings, error) {
		mutex.Lock()
		defer mutex.Unlock()
		info, err := os.Stat(path)
		if err != nil {
			return now, err
		}
		if info.ModTime().Equal(read) && info.Size() == size {
			return now, nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return now, err
		}
		var fresh Settings
		if err := json.Unmarshal(text, &fresh); err != nil {
			return now, fmt.Errorf("%s: %w", path, err)
		}
		now, read, size = fresh, info.ModTime(), info.Size()
		return now, nil
	}
}

// endpoint is one registry that may have an image, and the path before its repositories.
type endpoint struct {
	host     string
	prefix   string
	insecure bool
	// trusted: the host's own configuration names it, so it may be anywhere.
	trusted bool
}

func (e endpoint) repository(repository string) string {
	return strings.TrimPrefix(e.prefix+"/"+repository, "/")
}

// hasArchives says whether all images come from a folder of archives.
func (s Settings) hasArchives() bool { return filepath.IsAbs(s.From) }

// endpoints are what may have images of the registry, in the order of asking.
func (s Settings) endpoints(registry string) ([]endpoint, error) {
	if s.From != "" {
		only, err := parseEndpoint(s.From)
		return []endpoint{only}, err
	}
	mirrors, named := s.Mirrors[registry]
	if !named {
		mirrors = s.Mirrors["*"]
	}
	var found []endpoint
	for _, mirror := range mirrors {
		parsed, err := parseEndpoint(mirror)
		if err != nil {
			return nil, err
		}
		found = append(found, parsed)
	}
	return append(found, endpoint{host: registry, trusted: named || hasLogin(registry)}), nil
}

func parseEndpoint(text string) (endpoint, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return endpoint{}, fmt.Errorf("%q is no registry", text)
	}
	// Mirrors are often written as containerd wants them, with the /v2 of the API in front of their path.
	path := strings.Trim(parsed.Path, "/")
	path = strings.TrimPrefix(strings.TrimPrefix(path, "v2/"), "v2")
	return endpoint{host: parsed.Host, prefix: path, insecure: parsed.Scheme == "http", trusted: true}, nil
}

// hasLogin says whether the user logged in to the registry.
func hasLogin(registry string) bool {
	file, err := config.Load(os.Getenv("DOCKER_CONFIG"))
	if err != nil {
		return false
	}
	_, login := file.AuthConfigs[registry]
	_, helper := file.CredentialHelpers[registry]
	return login || helper
}
