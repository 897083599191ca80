package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// status is FOLDER/status.json: what the node tells whoever started it, written
// anew at every change.
type status struct {
	mutex sync.Mutex
	path  string
	began time.Time
	now   statusContent
}

type statusContent struct {
	// BuildHash is that of the programs that run.
	BuildHash string `json:"buildHash"`
	// StartedAt: what ran on the node before this moment runs no more, whatever
	// the API server still says of it.
	StartedAt time.Time `json:"startedAt"`
	Server    string    `json:"server"`
	NodeName  string    `json:"nodeName"`
	// APIReady turns true when the API server first is ready for the other programs.
	APIReady bool                      `json:"apiReady"`
	Stopping bool                      `json:"stopping"`
	Images   imageStatus               `json:"images"`
	Programs map[string]*programStatus `json:"programs"`
	// Milestones are in milliseconds since process 1 began.
	Milestones map[string]int64 `json:"milestones"`
}

// imageStatus counts and lists images by their names.
type imageStatus struct {
	Total int `json:"total"`
	// Ready are those that a pod can use.
	Ready []string `json:"ready"`
	// Importing is the one under way.
	Importing string `json:"importing,omitempty"`
	// Failure is why the last import failed; it is tried again.
	Failure string `json:"failure,omitempty"`
}

type programStatus struct {
	PID    int `json:"pid,omitempty"`
	Starts int `json:"starts"`
	// QuickEnds counts ends soon after a start, in a row.
	QuickEnds int    `json:"quickEnds"`
	LastEnd   string `json:"lastEnd,omitempty"`
}

func newStatus(folder string, content statusContent) *status {
	content.Programs = map[string]*programStatus{}
	content.Milestones = map[string]int64{}
	content.Images.Ready = []string{}
	content.StartedAt = time.Now().UTC()
	return &status{path: filepath.Join(folder, statusFile), began: content.StartedAt, now: content}
}

// change applies a change and writes the file.
func (s *status) change(apply func(*statusContent)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	apply(&s.now)
	if err := writeJSON(s.path, s.now); err != nil {
		fmt.Fprintln(os.Stderr, "status:", err)
	}
}

func (s *status) milestone(name string) {
	s.change(func(content *statusContent) {
		if _, passed := content.Milestones[name]; !passed {
			content.Milestones[name] = time.Since(s.began).Milliseconds()
		}
	})
}

func (s *status) program(name string, apply func(*programStatus)) {
	s.change(func(content *statusContent) {
		if content.Programs[name] == nil {
			content.Programs[name] = &programStatus{}
		}
		apply(content.Programs[name])
	})
}

func (s *status) started(name string, pid int) {
	s.milestone(name + " started")
	s.program(name, func(p *programStatus) {
		p.PID = pid
		p.Starts++
	})
}

func (s *status) ended(name, how string, quick bool) {
	fmt.Fprintf(os.Stderr, "%s %s ended: %s\n", time.Now().UTC().Format(time.RFC3339), name, how)
	s.program(name, func(p *programStatus) {
		p.PID, p.LastEnd = 0, how
		if quick {
			p.QuickEnds++
		} else {
			p.QuickEnds = 0
		}
	})
}
