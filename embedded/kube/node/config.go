package node

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
	// KubeBinary has the faces kube-apiserver, kubelet and so on.
	KubeBinary string `json:"kubeBinary"`
	// BuildHash names the build that KubeBinary and Images are from.
	BuildHash string `json:"buildHash"`
	// BuildFolder is shown, read only, as the folder that the images are in.
	BuildFolder string `json:"buildFolder"`
	// Programs holds absolute paths: etcd, containerd, ctr.
	Programs map[string]string `json:"programs"`
	// CNIFolder holds the network plugins.
	CNIFolder string `json:"cniFolder"`
	// SandboxImage holds a pod's namespaces open. It is in the first of Images.
	SandboxImage string `json:"sandboxImage"`
	// Images are imported in this order.
	Images []Image `json:"images"`
}

// Image is a docker-archive, as a path below the build folder, and the names that
// it has in the cluster: programs that share a file share an archive.
type Image struct {
	Tar  string   `json:"tar"`
	Refs []string `json:"refs"`
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
