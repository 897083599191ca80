// Command node is the machine in a box that the embedded cluster runs on: one
// process in namespaces of its own that supervises etcd, containerd and every
// program of Kubernetes. When it ends, however it ends, the kernel ends all
// that it started and drops its mounts, its network and its link to the host.
//
//	node start FOLDER   starts the node of the cluster in FOLDER, prints a Report
//	node init FOLDER    is what start runs as process 1 of the namespaces
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Report is the one line that start writes to its standard output.
type Report struct {
	// Process is the node as the host sees it; also when it ran already.
	Process *Identity `json:"process,omitempty"`
	// Started says whether this call started it.
	Started bool `json:"started"`
	// Failure is set when there is no running node.
	Failure *Failure `json:"failure,omitempty"`
}

// Failure is an expected one. Its code is one of the constants below.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Message }

const (
	// codeUnsupported: this host does not allow what the node needs.
	codeUnsupported = "unsupported"
	// codeFailed: anything else that went wrong.
	codeFailed = "failed"
)

func unsupported(format string, values ...any) error {
	return &Failure{codeUnsupported, fmt.Sprintf(format, values...)}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: node start|init FOLDER")
		os.Exit(2)
	}
	// Whoever starts us may keep its files to itself; the root folders that containerd unpacks must be open to all users.
	syscall.Umask(0o022)
	switch command, folder := os.Args[1], os.Args[2]; command {
	case "start":
		report(start(folder))
	case "init":
		os.Exit(runInit())
	default:
		fmt.Fprintf(os.Stderr, "unknown command %q\n", command)
		os.Exit(2)
	}
}

// report ends the program: a failure is a result too, only a bug is an exit code.
func report(result Report, err error) {
	if err != nil {
		result.Failure = asFailure(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func asFailure(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	return &Failure{codeFailed, err.Error()}
}
