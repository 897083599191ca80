package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	pkiFolder        = clusterFolder + "/pki"
	confFolder       = clusterFolder + "/conf"
	logFolder        = clusterFolder + "/log"
	containerdSocket = "/run/containerd/containerd.sock"
	// From statfs(2): the magic number of overlayfs.
	overlayMagic = 0x794c7630
)

type object = map[string]any

// writeFiles writes the certificates, kubeconfigs and settings of every program.
func writeFiles(config Config, nodeLink link, proxy *imageProxy) error {
	nodeIP := nodeLink.node().IP
	certificates := pki{pkiFolder}
	if err := certificates.ensure(config.Name, nodeIP); err != nil {
		return err
	}
	if err := os.MkdirAll(confFolder, 0o700); err != nil {
		return err
	}
	paths := map[string]string{"admin": clusterFolder + "/kubeconfig"}
	for _, user := range []string{"kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"} {
		paths[user] = confFolder + "/" + user + ".kubeconfig"
	}
	for user, path := range paths {
		text, err := certificates.kubeconfig(config.ID, user, nodeIP)
		if err != nil {
			return err
		}
		if err := writeFile(path, text); err != nil {
			return err
		}
	}
	if err := writeSettings(config); err != nil {
		return err
	}
	return proxy.writeHosts()
}

func writeSettings(config Config) error {
	settings := map[string]any{
		"kubelet.json":      kubeletSettings(config),
		"kube-proxy.json":   proxySettings(config),
		"cni/pods.conflist": podNetwork(),
	}
	if err := os.MkdirAll(confFolder+"/cni", 0o700); err != nil {
		return err
	}
	for file, content := range settings {
		if err := writeJSON(filepath.Join(confFolder, file), content); err != nil {
			return err
		}
	}
	if err := writeFile(confFolder+"/containerd.toml", containerdSettings(config)); err != nil {
		return err
	}
	// No resolver outside can be reached: a name that CoreDNS does not know fails at once.
	return writeFile(confFolder+"/resolv.conf", []byte("nameserver 127.0.0.1\n"))
}

func kubeletSettings(config Config) object {
	return object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": object{
			"anonymous": object{"enabled": false},
			"webhook":   object{"enabled": true},
			"x509":      object{"clientCAFile": pkiFolder + "/ca.crt"},
		},
		"authorization":            object{"mode": "Webhook"},
		"tlsCertFile":              pkiFolder + "/kubelet-server.crt",
		"tlsPrivateKeyFile":        pkiFolder + "/kubelet-server.key",
		"containerRuntimeEndpoint": "unix://" + containerdSocket,
		"cgroupDriver":             "cgroupfs",
		"cgroupRoot":               "/" + config.ID,
		"failCgroupV1":             false,
		"failSwapOn":               false,
		"clusterDNS":               []string{dnsServiceIP},
		"clusterDomain":            "cluster.local",
		"resolvConf":               confFolder + "/resolv.conf",
		"volumePluginDir":          "/var/lib/kubelet/volume-plugins",
		// Meant for many nodes that share an API server; here there is one.
		"kubeAPIQPS":   500,
		"kubeAPIBurst": 1000,
		"oomScoreAdj":  0, // lowering it needs a capability that sandboxes take away
		// Nothing could pull again what the cluster was built with.
		"imageGCHighThresholdPercent": 100,
		// A laptop's disk is often nearly full: evict for a real shortage only.
		"evictionHard": object{"nodefs.available": "1%", "imagefs.available": "1%", "nodefs.inodesFree": "1%", "memory.available": "50Mi"},
		// Kubernetes' own five minutes spare a node of many pods from swinging; here somebody waits who has just made room.
		"evictionPressureTransitionPeriod": "10s",
	}
}

func proxySettings(config Config) object {
	return object{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"clientConnection": object{"kubeconfig": confFolder + "/kube-proxy.kubeconfig"},
		"clusterCIDR":      podRange,
		"hostnameOverride": config.Name,
		"mode":             "iptables",
		"oomScoreAdj":      0,
		// Rules for a new Service come without the wait of a second that big clusters need.
		"iptables": object{"minSyncPeriod": "50ms"},
		// The size of the connection table belongs to the host.
		"conntrack": object{"maxPerCore": 0, "min": 0},
	}
}

// podNetwork gives each pod a link of its own to the node, which routes. Unlike
// a bridge that needs no br_netfilter, which not every kernel has. The addresses
// in use are kept in memory, because no pod survives the node.
func podNetwork() object {
	return object{
		"cniVersion": "1.0.0",
		"name":       "pods",
		"plugins": []object{
			{
				"type": "ptp",
				"ipam": object{
					"type":    "host-local",
					"dataDir": "/run/cni/networks",
					"ranges":  [][]object{{{"subnet": podRange}}},
					"routes":  []object{{"dst": "0.0.0.0/0"}},
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}
}

func containerdSettings(config Config) []byte {
	plugins := config.CNIFolder
	if plugins == "" {
		plugins = binFolder
	}
	quote := func(text string) string {
		quoted, _ := json.Marshal(text) // a JSON string is a TOML string
		return string(quoted)
	}
	return []byte(`version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "` + containerdSocket + `"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ` + quote(config.SandboxImage) + `
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE runc may not lower a score, and dies of it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "` + hostsFolder + `"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ` + quote(plugins) + `
    conf_dir = "` + confFolder + `/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "` + snapshotter() + `"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`)
}

// snapshotter is overlayfs, except where the folder is on an overlayfs itself:
// the kernel does not stack its writable layers.
func snapshotter() string {
	var system unix.Statfs_t
	if unix.Statfs("/var", &system) == nil && system.Type == overlayMagic {
		return "native"
	}
	return "overlayfs"
}
