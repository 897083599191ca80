package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockFile   = "node.lock"
	pidFile    = "node.pid"
	statusFile = "status.json"
	// How long process 1 gets to set up its file system and network.
	setupTime = 10 * time.Second
	// Inherited by process 1, after the three standard files.
	orderFd  = 3
	answerFd = 4
	lockFd   = 5
	// Only where there is an image proxy.
	proxyFd   = 6
	hostNetFd = 7
	hostMntFd = 8
)

// order is what start tells process 1 once its network is there.
type order struct {
	Folder string `json:"folder"`
	Config Config `json:"config"`
	Link   link   `json:"link"`
	// HostEnv is for the image proxy: the user's own proxies, certificates and credential helpers.
	HostEnv []string `json:"hostEnv,omitempty"`
}

// start starts the node of the cluster in folder, or finds it running. The
// lock is held by the node for as long as it lives: by the kernel, not by a
// file's content, so no crash leaves a stale one.
func start(folder string) (Report, error) {
	config, err := readConfig(folder)
	if err != nil {
		return Report{}, err
	}
	lock, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Report{}, err
	}
	if err := waitForLock(lock); err != nil {
		running, readError := readIdentity(folder)
		if readError != nil {
			return Report{}, fmt.Errorf("the node of %s is being started by another process", folder)
		}
		return Report{Process: &running}, nil
	}
	if err := checkHost(folder); err != nil {
		return Report{}, err
	}
	// What the last run said of itself would be taken for this one's word.
	if err := os.Remove(filepath.Join(folder, statusFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Report{}, err
	}
	if err := enterCgroup(config.ID); err != nil {
		return Report{}, err
	}
	process, err := launch(folder, config, lock)
	if err != nil {
		return Report{}, err
	}
	return Report{Process: &process, Started: true}, nil
}

// waitForLock bridges the moment that a killed node takes to be gone.
func waitForLock(lock *os.File) error {
	for attempt := 0; ; attempt++ {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) || attempt == 20 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func readIdentity(folder string) (Identity, error) {
	var identity Identity
	text, err := os.ReadFile(filepath.Join(folder, pidFile))
	if err != nil {
		return identity, err
	}
	return identity, json.Unmarshal(text, &identity)
}

func checkHost(folder string) error {
	var system unix.Statfs_t
	if err := unix.Statfs(folder, &system); err != nil {
		return err
	}
	if system.Flags&(unix.ST_NOEXEC|unix.ST_NODEV|unix.ST_NOSUID) != 0 {
		return unsupported("%s is on a file system that is mounted noexec, nodev or nosuid: containers cannot run from it", folder)
	}
	return nil
}

// launch clones process 1, links its network and waits until its box stands.
func launch(folder string, config Config, lock *os.File) (Identity, error) {
	var inherited []*os.File
	if config.Proxy != nil {
		for _, path := range []string{config.Proxy.Binary, "/proc/self/ns/net", "/proc/self/ns/mnt"} {
			file, err := os.Open(path)
			if err != nil {
				return Identity{}, err
			}
			inherited = append(inherited, file)
		}
	}
	log, err := openLog(filepath.Join(folder, "log"))
	if err != nil {
		return Identity{}, err
	}
	orderRead, orderWrite, err := os.Pipe()
	if err != nil {
		return Identity{}, err
	}
	answerRead, answerWrite, err := os.Pipe()
	if err != nil {
		return Identity{}, err
	}
	child := exec.Command("/proc/self/exe", "init", folder)
	child.Args[0] = "node"
	child.Dir = "/"
	child.Env = []string{"PATH=" + programPath}
	child.Stdout, child.Stderr = log, log
	child.ExtraFiles = append([]*os.File{orderRead, answerWrite, lock}, inherited...)
	child.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	}
	if err := child.Start(); err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) {
			return Identity{}, unsupported("the kernel does not let this process make namespaces: %v", err)
		}
		return Identity{}, err
	}
	orderRead.Close()
	answerWrite.Close()
	process, err := prepare(folder, config, child.Process.Pid, orderWrite, answerRead)
	if err != nil {
		_ = child.Process.Kill() // and with it everything in its namespaces
		_ = child.Wait()
	}
	return process, err
}

// prepare works on the host's side of a process 1 that waits for its order.
func prepare(folder string, config Config, pid int, orders io.WriteCloser, answers *os.File) (Identity, error) {
	process, err := identify(pid)
	if err != nil {
		return process, err
	}
	if err := writeJSON(filepath.Join(folder, pidFile), process); err != nil {
		return process, err
	}
	chosen, err := connect(folder, config.ID, pid)
	if err != nil {
		return process, err
	}
	if err := json.NewEncoder(orders).Encode(order{folder, config, chosen, hostEnv(config)}); err != nil {
		return process, err
	}
	orders.Close()
	_ = answers.SetReadDeadline(time.Now().Add(setupTime))
	var answer Report
	if err := json.NewDecoder(answers).Decode(&answer); err != nil {
		return process, fmt.Errorf("the node ended while it set up its namespaces (%w); see %s", err, filepath.Join(folder, "log", "node.log"))
	}
	if answer.Failure != nil {
		return process, answer.Failure
	}
	return process, nil
}

func openLog(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "node.log")
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}
