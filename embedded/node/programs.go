package main

import "net"

const etcdURL = "https://127.0.0.1:2379"

// clusterPrograms are all that make a Kubernetes node, in the order of their start.
func clusterPrograms(config Config, nodeIP net.IP, gates *gates) []program {
	path := config.program
	return []program{
		{name: "etcd", path: path("etcd"), args: etcdArgs()},
		{name: "containerd", path: path("containerd"), args: []string{"--config", confFolder + "/containerd.toml"}},
		{name: "kube-apiserver", path: path("kube-apiserver"), args: apiServerArgs(nodeIP), after: gates.etcd.wait},
		{name: "kubelet", path: path("kubelet"), args: kubeletArgs(config, nodeIP), after: gates.runtimeAndAPI},
		{name: "kube-controller-manager", path: path("kube-controller-manager"), args: controllerArgs(), after: gates.api.wait},
		{name: "kube-scheduler", path: path("kube-scheduler"), args: schedulerArgs(), after: gates.api.wait},
		{name: "kube-proxy", path: path("kube-proxy"), args: []string{"--config", confFolder + "/kube-proxy.json"}, after: gates.api.wait},
	}
}

func etcdArgs() []string {
	certificate := func(file string) string { return pkiFolder + "/" + file }
	return []string{
		"--name", "node",
		"--data-dir", "/var/lib/etcd",
		"--listen-client-urls", etcdURL,
		"--advertise-client-urls", etcdURL,
		"--listen-peer-urls", "http://127.0.0.1:2380",
		"--cert-file", certificate("etcd-server.crt"),
		"--key-file", certificate("etcd-server.key"),
		"--trusted-ca-file", certificate("etcd-ca.crt"),
		"--client-cert-auth",
		// One member elects itself; with the usual timings that takes it a second, and with shorter ones than these the
		// ticks cost an idle cluster a tenth of all its processor time.
		"--heartbeat-interval", "50",
		"--election-timeout", "250",
		"--auto-compaction-retention", "1h",
		"--logger", "zap",
		"--log-level", "warn",
	}
}

func apiServerArgs(nodeIP net.IP) []string {
	flag := func(name, file string) string { return "--" + name + "=" + pkiFolder + "/" + file }
	return []string{
		"--advertise-address=" + nodeIP.String(),
		"--secure-port=" + itoa(apiPort),
		"--service-cluster-ip-range=" + serviceRange,
		"--etcd-servers=" + etcdURL,
		flag("etcd-cafile", "etcd-ca.crt"),
		flag("etcd-certfile", "etcd-client.crt"),
		flag("etcd-keyfile", "etcd-client.key"),
		flag("tls-cert-file", "kube-apiserver.crt"),
		flag("tls-private-key-file", "kube-apiserver.key"),
		flag("client-ca-file", "ca.crt"),
		flag("service-account-key-file", "service-account.key"),
		flag("service-account-signing-key-file", "service-account.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		flag("kubelet-certificate-authority", "ca.crt"),
		flag("kubelet-client-certificate", "kubelet-client.crt"),
		flag("kubelet-client-key", "kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		flag("requestheader-client-ca-file", "front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		flag("proxy-client-cert-file", "front-proxy-client.crt"),
		flag("proxy-client-key-file", "front-proxy-client.key"),
		"--profiling=false",
	}
}

func kubeletArgs(config Config, nodeIP net.IP) []string {
	return []string{
		"--config=" + confFolder + "/kubelet.json",
		"--kubeconfig=" + confFolder + "/kubelet.kubeconfig",
		"--hostname-override=" + config.Name,
		"--node-ip=" + nodeIP.String(),
		"--root-dir=/var/lib/kubelet",
		"--cert-dir=/var/lib/kubelet/pki",
	}
}

func controllerArgs() []string {
	kubeconfig := confFolder + "/kube-controller-manager.kubeconfig"
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + pkiFolder + "/service-account.key",
		"--root-ca-file=" + pkiFolder + "/ca.crt",
		"--cluster-signing-cert-file=" + pkiFolder + "/ca.crt",
		"--cluster-signing-key-file=" + pkiFolder + "/ca.key",
		"--flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins",
		// Each of its forty controllers first gets an account and a token of its own:
		// at the usual 20 requests a second that takes it six seconds.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		// There is one of it: an election would only cost time after a restart.
		"--leader-elect=false",
		"--profiling=false",
	}
}

func schedulerArgs() []string {
	kubeconfig := confFolder + "/kube-scheduler.kubeconfig"
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--leader-elect=false",
		"--profiling=false",
	}
}
