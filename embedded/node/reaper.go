package main

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper starts children and collects every process that ends: as process 1 it
// inherits orphans, so nobody else may wait for any.
type reaper struct {
	mutex   sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{waiting: map[int]chan syscall.WaitStatus{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			r.collect()
		}
	}()
	return r
}

// start runs a program with its output to the first of the files, and the others inherited. The channel gives its end.
func (r *reaper) start(path string, args, env []string, files []*os.File) (int, <-chan syscall.WaitStatus, error) {
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer nothing.Close()
	inherited := []uintptr{nothing.Fd(), files[0].Fd()}
	for _, file := range files {
		inherited = append(inherited, file.Fd())
	}
	// Under the lock, or the child's end could be collected before it is waited for.
	r.mutex.Lock()
	defer r.mutex.Unlock()
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{
		Dir:   "/",
		Env:   env,
		Files: inherited,
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, nil, err
	}
	end := make(chan syscall.WaitStatus, 1)
	r.waiting[pid] = end
	return pid, end, nil
}

func (r *reaper) collect() {
	for {
		r.mutex.Lock()
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if end, known := r.waiting[pid]; known && pid > 0 {
			end <- status
			delete(r.waiting, pid)
		}
		r.mutex.Unlock()
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}

func describeEnd(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal " + status.Signal().String()
	}
	return "exit code " + itoa(status.ExitStatus())
}
