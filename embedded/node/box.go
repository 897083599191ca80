package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Where things are inside of the box.
const (
	clusterFolder = "/cluster"
	buildFolder   = "/build"
	// binFolder has the programs that are not the host's.
	binFolder   = clusterFolder + "/bin"
	programPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// What of the host's file system is there to be read: programs, their
// libraries and their settings. Absent ones are left out.
var hostFolders = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu"}

// Kernel settings that the kubelet insists on and that belong to the host. It
// finds the values that it wants, as files of ours; the host keeps its own.
var pretendedSysctls = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// mounter keeps the first error, so that a list of mounts reads as one.
type mounter struct{ err error }

func (m *mounter) mount(source, target, kind string, flags uintptr, data string) {
	if m.err != nil {
		return
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		m.err = fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
}

func (m *mounter) folder(path string) string {
	if m.err == nil {
		m.err = os.MkdirAll(path, 0o755)
	}
	return path
}

// bind shows source at target, without what is mounted below it. Flags beyond
// MS_BIND need a second mount.
func (m *mounter) bind(source, target string, flags uintptr) {
	m.mount(source, target, "", unix.MS_BIND, "")
	if flags != 0 {
		m.mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|flags, "")
	}
}

// bindTree is bind with what is mounted below; only the top gets the flags.
func (m *mounter) bindTree(source, target string, flags uintptr) {
	m.mount(source, target, "", unix.MS_BIND|unix.MS_REC, "")
	if flags != 0 {
		m.mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|flags, "")
	}
}

// enterBox gives this process, the first of its mount namespace, a file system
// in which everything that can be written is in the cluster's folder or in
// memory. Nothing in it can be seen outside, and it ends with the namespace.
func enterBox(folder, build string) error {
	m := &mounter{}
	m.mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	root := m.folder(filepath.Join(folder, "root"))
	m.mount("tmpfs", root, "tmpfs", unix.MS_NOSUID, "mode=755,size=16m")
	m.hostFolders(root)
	m.bind(folder, m.folder(root+clusterFolder), 0)
	m.bind(build, m.folder(root+buildFolder), unix.MS_RDONLY)
	m.bind(m.folder(filepath.Join(folder, "var")), m.folder(root+"/var"), 0)
	// Here libcni notes the networks of pods, which end with this process. It
	// writes without a rename: on a full disk half a note would stay, over which
	// containerd can neither end the pod nor start it again.
	m.mount("tmpfs", m.folder(root+"/var/lib/cni"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=700")
	m.bindTree("/dev", m.folder(root+"/dev"), 0)
	m.mount("tmpfs", root+"/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
	m.mount("tmpfs", m.folder(root+"/run"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
	m.mount("tmpfs", m.folder(root+"/tmp"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
	m.mount("proc", m.folder(root+"/proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	m.mount("sysfs", m.folder(root+"/sys"), "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "")
	m.bindTree("/sys/fs/cgroup", root+"/sys/fs/cgroup", 0)
	m.guardSysctls(root)
	if m.err != nil {
		return m.err
	}
	return enterRoot(root)
}

func (m *mounter) hostFolders(root string) {
	for _, folder := range hostFolders {
		info, err := os.Lstat(folder)
		if m.err != nil || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(folder)
			if err == nil {
				err = os.Symlink(strings.TrimPrefix(target, "/"), root+folder)
			}
			m.err = err
			continue
		}
		m.bindTree(folder, m.folder(root+folder), unix.MS_RDONLY|unix.MS_NODEV)
	}
}

// guardSysctls leaves only the settings of the network namespace writable.
func (m *mounter) guardSysctls(root string) {
	settings := root + "/proc/sys"
	m.bind(settings+"/net", settings+"/net", 0)
	m.bindTree(settings, settings, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC)
	shadow := m.folder(root + "/run/sysctl")
	for name, value := range pretendedSysctls {
		file := filepath.Join(shadow, strings.ReplaceAll(name, "/", "."))
		if m.err == nil {
			m.err = os.WriteFile(file, []byte(value+"\n"), 0o644)
		}
		if _, err := os.Stat(filepath.Join(settings, name)); err == nil {
			m.bind(file, filepath.Join(settings, name), 0)
		}
	}
}

// enterRoot makes root the root and drops the host's file system.
func enterRoot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return unsupported("the root file system cannot be exchanged (%v); is it an initial ramdisk?", err)
	}
	// The old root is now stacked below the new one.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the host's file system: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	// As on any machine: mounts made later show in the containers that ask for it.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return err
	}
	if err := os.Symlink("/run", "/var/run"); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
