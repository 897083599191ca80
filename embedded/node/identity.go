package main

import (
	"fmt"
	"os"
	"strings"
)

// Identity tells a process apart from a later one that has the same pid.
type Identity struct {
	PID int `json:"pid"`
	// StartTime is in clock ticks since boot, as text (proc(5), stat field 22).
	StartTime string `json:"startTime"`
}

func identify(pid int) (Identity, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Identity{}, err
	}
	// The second field is the program's name in brackets, which may hold anything.
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	if len(fields) < 20 {
		return Identity{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return Identity{pid, fields[19]}, nil
}
