// Command image-proxy pulls images for the embedded cluster, whose node has no
// way out, and keeps them for the next one.
//
//	image-proxy enter SETTINGS FOLDER  leaves the node's namespaces for the host's, then serves
//	image-proxy serve SETTINGS FOLDER  answers containerd on the socket that it inherits
//	image-proxy save SETTINGS FOLDER   writes the images that standard input names as archives
//
// Its parts: server.go answers containerd, cache.go and download.go keep blobs, sources.go and
// registry.go ask registries, archive.go reads archives, pulls.go tells how far it is.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// Inherited by enter and serve, after the three standard files.
	listenerFd = 3
	hostNetFd  = 4
	hostMntFd  = 5
	// tokenVariable holds what containerd must send; see hosts.toml in the node program.
	tokenVariable = "IMAGE_PROXY_TOKEN"
)

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	if len(os.Args) != 4 {
		fail("usage: image-proxy enter|serve|save SETTINGS FOLDER")
	}
	// Whatever started us: the cache and the archives are their owner's alone.
	syscall.Umask(0o077)
	command, settings, folder := os.Args[1], os.Args[2], os.Args[3]
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	var err error
	switch command {
	case "enter":
		err = enterHost(settings, folder)
	case "serve":
		err = serve(ctx, settings, folder)
	case "save":
		err = save(ctx, settings, folder, os.Stdin, os.Stdout)
	default:
		err = fmt.Errorf("unknown command %q", command)
	}
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}

// enterHost becomes serve in the network and file system of the host. The
// process stays in the node's PID namespace, so that it ends with the node, and
// keeps the socket, which belongs to the node's network.
func enterHost(settings, folder string) error {
	// A namespace is entered by a thread, and taken along by exec.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Setns(hostNetFd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the host's network: %w", err)
	}
	if err := unix.Setns(hostMntFd, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the host's file system: %w", err)
	}
	unix.CloseOnExec(hostNetFd)
	unix.CloseOnExec(hostMntFd)
	return syscall.Exec("/proc/self/exe", []string{os.Args[0], "serve", settings, folder}, os.Environ())
}

func serve(ctx context.Context, settings, folder string) error {
	listener, err := net.FileListener(os.NewFile(listenerFd, "listener"))
	if err != nil {
		return fmt.Errorf("no socket was handed over: %w", err)
	}
	token := os.Getenv(tokenVariable)
	if token == "" {
		return fmt.Errorf("%s is not set", tokenVariable)
	}
	// Credential helpers inherit our variables.
	os.Unsetenv(tokenVariable)
	pulls := newPulls(filepath.Join(folder, "pulls.json"))
	go pulls.keepWriting(ctx)
	server := &http.Server{
		Handler:           newServer(ctx, settingsFile(settings), pulls, token, listener.Addr().String()),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
