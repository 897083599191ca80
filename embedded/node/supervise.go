package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// program is one that has to run for as long as the node does.
type program struct {
	name string
	path string
	args []string
	// env is the supervisor's where it is nil.
	env []string
	// files are inherited after the three standard ones.
	files []*os.File
	// after waits for what the program needs before its first start. A restart
	// does not wait: whatever it needs is there, or comes back meanwhile.
	after func(context.Context)
}

const (
	// A program that ran this long had started well: its next restart is at once.
	settled = 10 * time.Second
	// Between restarts of one that keeps ending: doubles up to the most.
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// supervisor keeps programs running.
type supervisor struct {
	reaper *reaper
	status *status
	logs   string
	env    []string

	mutex   sync.Mutex
	running map[string]int
}

func itoa(number int) string { return strconv.Itoa(number) }

// keep runs the program again and again until the context ends.
func (s *supervisor) keep(ctx context.Context, p program) {
	go func() {
		log := newLogFile(s.logs, p.name)
		if p.after != nil {
			p.after(ctx)
		}
		pause := time.Duration(0)
		for ctx.Err() == nil {
			started := time.Now()
			end := s.once(p, log)
			if ctx.Err() != nil {
				return
			}
			lived := time.Since(started)
			if lived >= settled {
				pause = 0
			}
			s.status.ended(p.name, end, lived < settled)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(max(pause*2, firstPause), mostPause)
		}
	}()
}

// once runs the program to its end and says how that was.
func (s *supervisor) once(p program, log io.Writer) string {
	pid, ended, err := s.spawn(p, log)
	if err != nil {
		return err.Error()
	}
	s.mutex.Lock()
	s.running[p.name] = pid
	s.mutex.Unlock()
	s.status.started(p.name, pid)
	end := <-ended
	s.mutex.Lock()
	delete(s.running, p.name)
	s.mutex.Unlock()
	return describeEnd(end)
}

func (s *supervisor) spawn(p program, log io.Writer) (int, <-chan syscall.WaitStatus, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	defer write.Close()
	go func() {
		defer read.Close()
		_, _ = io.Copy(log, read)
	}()
	env := p.env
	if env == nil {
		env = s.env
	}
	return s.reaper.start(p.path, append([]string{filepath.Base(p.path)}, p.args...), env, append([]*os.File{write}, p.files...))
}

// signal sends to those of the programs that run.
func (s *supervisor) signal(number syscall.Signal, names ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, name := range names {
		if pid, runs := s.running[name]; runs {
			_ = syscall.Kill(pid, number)
		}
	}
}

// waitGone waits until none of the programs runs, at most for the time.
func (s *supervisor) waitGone(most time.Duration, names ...string) {
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		s.mutex.Lock()
		left := 0
		for _, name := range names {
			if _, runs := s.running[name]; runs {
				left++
			}
		}
		s.mutex.Unlock()
		if left == 0 {
			return
		}
	}
}
