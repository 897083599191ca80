package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Config is FOLDER/node.json. Whoever starts the node writes it.
type Config struct {
	// Name is the name of the Kubernetes node and the host name inside.
	Name string `json:"name"`
	// ID is unique on the host: the name of the cgroup and the alias of the link.
	ID string `json:"id"`
	// BuildHash names what the programs and Images are from.
	BuildHash string `json:"buildHash"`
	// BuildFolder is shown, read only, as the folder that the images are in.
	BuildFolder string `json:"buildFolder"`
	// Programs of the host, by name: etcd, containerd, ctr. Those that are not
	// named, as the programs of Kubernetes, are in FOLDER/bin.
	Programs map[string]string `json:"programs"`
	// CNIFolder of the host holds the network plugins; where there is none, FOLDER/bin does.
	CNIFolder string `json:"cniFolder,omitempty"`
	// SandboxImage holds a pod's namespaces open.
	SandboxImage string `json:"sandboxImage"`
	// Proxy pulls images; absent where the cluster has all that it needs.
	Proxy *Proxy `json:"proxy,omitempty"`
	// Images are imported in this order.
	Images []Image `json:"images"`
}

// Image is a docker-archive, as a path below the build folder, and the names that
// it has in the cluster: programs that share a file share an archive.
type Image struct {
	Tar  string   `json:"tar"`
	Refs []string `json:"refs"`
}

// Proxy says where the program image-proxy is, and its files. All are of the host's: the node cannot see them.
type Proxy struct {
	Binary string `json:"binary"`
	// Settings is a file; Folder takes what the program tells of its work.
	Settings string `json:"settings"`
	Folder   string `json:"folder"`
}

// Addresses inside. They can be the same in every cluster: nothing outside of
// the cluster's network namespace has a route to them.
const (
	podRange     = "10.42.0.0/16"
	serviceRange = "10.43.0.0/16"
	apiServiceIP = "10.43.0.1"
	dnsServiceIP = "10.43.0.10"
	apiPort      = 6443
)

// program is the path, inside, of the one with that name.
func (c Config) program(name string) string {
	if path, ofHost := c.Programs[name]; ofHost {
		return path
	}
	return binFolder + "/" + name
}

func readConfig(folder string) (Config, error) {
	var config Config
	text, err := os.ReadFile(filepath.Join(folder, "node.json"))
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return config, fmt.Errorf("node.json: %w", err)
	}
	return config, nil
}

// writeFile replaces a file as a whole: a reader sees the old or the new one.
func writeFile(path string, content []byte) error {
	scratch := path + ".new"
	if err := os.WriteFile(scratch, content, 0o600); err != nil {
		return err
	}
	return os.Rename(scratch, path)
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append(text, '\n'))
}
