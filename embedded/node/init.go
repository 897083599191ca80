package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runInit is process 1 of the cluster's namespaces.
func runInit() int {
	for fd := orderFd; fd <= hostMntFd; fd++ {
		unix.CloseOnExec(fd)
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)

	var given order
	// The end of the pipe without an order is the end of whoever started us.
	if err := json.NewDecoder(os.NewFile(orderFd, "orders")).Decode(&given); err != nil {
		return 1
	}
	answers := os.NewFile(answerFd, "answers")
	proxy, err := openProxy(given)
	if err == nil {
		err = setUp(given, proxy)
	}
	if err != nil {
		_ = json.NewEncoder(answers).Encode(Report{Failure: asFailure(err)})
		return 1
	}
	err = json.NewEncoder(answers).Encode(Report{})
	answers.Close()
	if err == nil {
		err = serve(given, proxy, terminate)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func setUp(given order, proxy *imageProxy) error {
	if err := unix.Sethostname([]byte(given.Config.Name)); err != nil {
		return err
	}
	if err := configureInside(given.Link); err != nil {
		return fmt.Errorf("network inside: %w", err)
	}
	if err := enterBox(given.Folder, given.Config.BuildFolder); err != nil {
		return err
	}
	if err := raiseFileLimit(); err != nil {
		return err
	}
	if err := proxy.listen(); err != nil {
		return err
	}
	return writeFiles(given.Config, given.Link, proxy)
}

// raiseFileLimit lets programs open as many files as the host allows. Setting
// it here keeps Go from resetting it in children.
func raiseFileLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

// serve runs everything until it is told to end.
func serve(given order, proxy *imageProxy, terminate <-chan os.Signal) error {
	nodeIP := given.Link.node().IP
	names := 0
	for _, image := range given.Config.Images {
		names += len(image.Refs)
	}
	state := newStatus(clusterFolder, statusContent{
		BuildHash: given.Config.BuildHash,
		Server:    serverURL(nodeIP),
		NodeName:  given.Config.Name,
		Images:    imageStatus{Total: names},
	})
	keeper := &supervisor{
		reaper:  newReaper(),
		status:  state,
		logs:    logFolder,
		// GOGC: the API server then keeps 60 MB less, and an install takes no longer.
		env:     []string{"PATH=" + binFolder + ":" + programPath, "HOME=/tmp", "TMPDIR=/tmp", "GOGC=50"},
		running: map[string]int{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	doors := newGates()
	if err := doors.watch(ctx, nodeIP, state); err != nil {
		return err
	}
	for _, p := range append(clusterPrograms(given.Config, nodeIP, doors), proxy.programs()...) {
		keeper.keep(ctx, p)
	}
	images := &importer{supervisor: keeper, gates: doors, config: given.Config}
	go images.run(ctx)

	<-terminate
	state.change(func(content *statusContent) { content.Stopping = true })
	cancel()
	stopAll(keeper)
	return nil
}

// stopAll ends the programs in the order that loses nothing: first those that
// ask for changes, then what takes them, last what stores them. Everything
// else, the pods too, ends with this process.
func stopAll(keeper *supervisor) {
	clients := []string{"kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"}
	keeper.signal(syscall.SIGKILL, clients...) // none has anything to write down
	// The API server would wait for its watchers, of which we know none that matters.
	keeper.signal(syscall.SIGKILL, "kube-apiserver")
	keeper.waitGone(time.Second, append(clients, "kube-apiserver")...)
	keeper.signal(syscall.SIGTERM, "etcd", "containerd")
	keeper.waitGone(2*time.Second, "etcd", "containerd")
}
