package main

import (
	"os"
	"path/filepath"
	"sync"
)

// logLimit bounds each log file, in bytes; one earlier file is kept beside it.
const logLimit = 8 << 20

// logFile is a log that cannot fill the disk.
type logFile struct {
	mutex sync.Mutex
	path  string
	file  *os.File
	size  int64
}

func newLogFile(folder, name string) *logFile {
	return &logFile{path: filepath.Join(folder, name+".log")}
}

// Write never fails: a full disk must not stop the program that is logged.
func (l *logFile) Write(text []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.file != nil && l.size > logLimit {
		l.file.Close()
		l.file = nil
		_ = os.Rename(l.path, l.path+".old")
	}
	if l.file == nil {
		file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return len(text), nil
		}
		l.file, l.size = file, 0
		if info, err := file.Stat(); err == nil {
			l.size = info.Size()
		}
	}
	written, _ := l.file.Write(text)
	l.size += int64(written)
	return len(text), nil
}
