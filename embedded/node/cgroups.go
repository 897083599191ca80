package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchy is one mounted tree of control groups.
type hierarchy struct {
	mountPoint string
	unified    bool
}

// hierarchies reads what is mounted: one unified tree (v2), one tree for each
// controller (v1), or both.
func hierarchies() ([]hierarchy, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []hierarchy
	unified := false
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(kind) == 0 || !strings.HasPrefix(kind[0], "cgroup") {
			continue
		}
		if isUnified := kind[0] == "cgroup2"; !isUnified || !unified {
			found = append(found, hierarchy{fields[4], isUnified})
			unified = unified || isUnified // the unified tree may be mounted twice
		}
	}
	if len(found) == 0 {
		return nil, unsupported("no control groups are mounted below /sys/fs/cgroup")
	}
	return found, lines.Err()
}

// enterCgroup makes the cluster's own group in every hierarchy, empty but for
// a leaf "node" that takes this process and so all that it starts. The kubelet
// puts the pods beside the leaf.
func enterCgroup(id string) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	onlyUnified := len(trees) == 1 && trees[0].unified
	for _, tree := range trees {
		if onlyUnified {
			if err := delegateControllers(tree.mountPoint); err != nil {
				return err
			}
		}
		root := filepath.Join(tree.mountPoint, id)
		if err := removeOldGroups(root); err != nil {
			return fmt.Errorf("remove the old control group %s: %w", root, err)
		}
		if err := enterTree(tree, root, onlyUnified); err != nil {
			return fmt.Errorf("control group %s: %w", root, err)
		}
	}
	return nil
}

func enterTree(tree hierarchy, root string, onlyUnified bool) error {
	leaf := filepath.Join(root, "node")
	for _, folder := range []string{root, leaf} {
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := inheritCPUs(folder); err != nil {
			return err
		}
	}
	if onlyUnified {
		if err := delegateControllers(root); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
}

// inheritCPUs fills a v1 cpuset, which takes no process before it has both.
func inheritCPUs(folder string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		path := filepath.Join(folder, file)
		now, err := os.ReadFile(path)
		if err != nil || strings.TrimSpace(string(now)) != "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, "cgroup.clone_children")); err != nil {
			continue // v2 inherits by itself
		}
		above, err := os.ReadFile(filepath.Join(filepath.Dir(folder), file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, above, 0); err != nil {
			return err
		}
	}
	return nil
}

// delegateControllers lets the groups below a v2 group use its controllers.
func delegateControllers(folder string) error {
	available, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(available)) {
		err := os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+"+controller), 0)
		if errors.Is(err, unix.EBUSY) {
			return unsupported("the control group %s holds processes itself, so its controllers cannot be shared out; "+
				"start this container with the host's control groups, or move its processes to a group below", folder)
		}
		// A controller that cannot be enabled (cpu, while real-time processes exist) is missed only by its limits.
		if err != nil && (controller == "memory" || controller == "pids") {
			return fmt.Errorf("enable the %s controller below %s: %w", controller, folder, err)
		}
	}
	return nil
}

// removeOldGroups waits for the processes of an earlier run: process 1 lets go
// of its lock a moment before the kernel has ended all others.
func removeOldGroups(root string) error {
	for deadline := time.Now().Add(setupTime); ; time.Sleep(10 * time.Millisecond) {
		err := removeGroups(root)
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return err
		}
	}
}

// removeGroups removes what an earlier run left, deepest first. Groups vanish
// only when empty, and the dead namespaces of that run have no process left.
func removeGroups(root string) error {
	var folders []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	for i := len(folders) - 1; err == nil && i >= 0; i-- {
		if err = unix.Rmdir(folders[i]); errors.Is(err, unix.ENOENT) {
			err = nil
		}
	}
	return err
}
