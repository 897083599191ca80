package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// part is the content of a blob from some byte on, as its source gives it.
type part struct {
	body io.ReadCloser
	// from is where it begins; a source may not be able to begin where it was asked to.
	from int64
	// size is that of the whole blob, -1 where it is not known.
	size int64
}

// source gets a blob from where it comes from.
type source func(ctx context.Context, from int64) (part, error)

var (
	// errNoRoom: the blob cannot be kept, only passed on.
	errNoRoom = errors.New("there is no room in the cache")
	// errAgain: what was passed on so far was wrong, and the next try may be right.
	errAgain = errors.New("the earlier part of the blob was damaged")
)

// download is one blob on its way into the cache. Its followers read along.
type download struct {
	digest string
	path   string

	mutex   sync.Mutex
	changed *sync.Cond
	size    int64
	// visible is what followers may have: all but the last byte until the digest is known to be right.
	visible int64
	done    bool
	err     error
}

// downloads makes one transfer of any number of requests for a blob at once.
type downloads struct {
	mutex sync.Mutex
	now   map[string]*download
}

// join finds the transfer of the blob, or begins it. It goes on when those who asked are gone.
func (d *downloads) join(ctx context.Context, c cache, digest string, size int64, from source) *download {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if running, known := d.now[digest]; known {
		return running
	}
	one := &download{digest: digest, path: c.partial(digest), size: size}
	one.changed = sync.NewCond(&one.mutex)
	d.now[digest] = one
	go func() {
		err := one.run(ctx, c, from)
		d.mutex.Lock()
		delete(d.now, digest)
		d.mutex.Unlock()
		one.publish(func() { one.done, one.err = true, err })
		if err == nil {
			c.trim()
		}
	}()
	return one
}

func (o *download) publish(change func()) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	change()
	o.changed.Broadcast()
}

func (o *download) run(ctx context.Context, c cache, from source) error {
	if o.size > c.limit || c.limit == 0 {
		return errNoRoom
	}
	for _, folder := range []string{filepath.Dir(o.path), filepath.Dir(c.blob(o.digest))} {
		if os.MkdirAll(folder, 0o700) != nil {
			return errNoRoom
		}
	}
	file, err := o.lock(ctx, c)
	if err != nil || file == nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	kept, err := io.Copy(sum, file)
	if err != nil {
		return errNoRoom
	}
	err = o.transfer(ctx, file, sum, kept, from, c.limit)
	if errors.Is(err, errNoRoom) {
		_ = os.Remove(o.path)
	}
	if err != nil {
		return err
	}
	if sumText(sum) != o.digest {
		_ = os.Remove(o.path)
		if kept > 0 {
			return errAgain
		}
		return differs("the content of %s has the digest %s", o.digest, sumText(sum))
	}
	if err := os.Rename(o.path, c.blob(o.digest)); err != nil {
		return errNoRoom
	}
	written, _ := file.Seek(0, io.SeekCurrent)
	o.publish(func() { o.size, o.visible = written, written })
	return nil
}

// lock opens the file of the transfer for this process alone. While another
// process has it, followers read what that one has written; nil when that one has finished.
func (o *download) lock(ctx context.Context, c cache) (*os.File, error) {
	for {
		file, err := os.OpenFile(o.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, errNoRoom
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			here, err := os.Stat(o.path)
			mine, mineErr := file.Stat()
			if err != nil || mineErr != nil || !os.SameFile(here, mine) {
				file.Close() // it was moved or removed meanwhile
				continue
			}
			if done, size, err := c.open(o.digest); err == nil {
				done.Close()
				_ = os.Remove(o.path)
				file.Close()
				o.publish(func() { o.size, o.visible = size, size })
				return nil, nil
			}
			return file, nil
		}
		if info, err := file.Stat(); err == nil {
			o.publish(func() { o.visible = max(o.visible, info.Size()-1) })
		}
		file.Close()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// transfer gets what is missing of the file, and again what was cut off.
func (o *download) transfer(ctx context.Context, file *os.File, sum hash.Hash, kept int64, from source, limit int64) error {
	written := kept
	for attempt := 0; ; attempt++ {
		got, err := from(ctx, written)
		if err != nil {
			return err
		}
		if got.from > written {
			got.body.Close()
			return errAgain
		}
		if got.size > limit {
			got.body.Close()
			return errNoRoom
		}
		before := written
		if got.size >= 0 {
			o.publish(func() { o.size = got.size })
		}
		// A source that cannot begin where it was asked to begins earlier.
		_, err = io.CopyN(io.Discard, got.body, written-got.from)
		buffer := make([]byte, 128<<10)
		for err == nil {
			var count int
			count, err = got.body.Read(buffer)
			if count == 0 {
				continue
			}
			if _, failed := file.Write(buffer[:count]); failed != nil || written+int64(count) > limit {
				got.body.Close()
				return errNoRoom
			}
			sum.Write(buffer[:count])
			written += int64(count)
			o.publish(func() { o.visible = max(o.visible, written-1) })
		}
		got.body.Close()
		if err == io.EOF && (got.size < 0 || written >= got.size) {
			return nil
		}
		if ctx.Err() != nil || (attempt >= 3 && written == before) || attempt >= 20 {
			return unavailable("the transfer of %s was cut off after %d of %d bytes: %v", o.digest, written, got.size, err)
		}
		time.Sleep(time.Duration(min(attempt, 10)) * 100 * time.Millisecond)
	}
}

// known waits until the size is, or the end of the download. -1: it ended in another way, or has no size.
func (o *download) known(ctx context.Context) (int64, error) {
	stop := context.AfterFunc(ctx, func() { o.publish(func() {}) })
	defer stop()
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for o.size < 0 && o.visible <= 0 && !o.done && ctx.Err() == nil {
		o.changed.Wait()
	}
	if o.done && o.err != nil {
		return -1, o.err
	}
	return o.size, ctx.Err()
}

// follow writes the blob from a byte on while it comes in.
func (o *download) follow(ctx context.Context, c cache, w io.Writer, from int64) (int64, error) {
	stop := context.AfterFunc(ctx, func() { o.publish(func() {}) })
	defer stop()
	var file *os.File
	defer func() { file.Close() }()
	at := from
	for {
		o.mutex.Lock()
		for o.visible <= at && !o.done && ctx.Err() == nil {
			o.changed.Wait()
		}
		visible, done, err := o.visible, o.done, o.err
		o.mutex.Unlock()
		if ctx.Err() != nil {
			return at - from, ctx.Err()
		}
		if err != nil {
			return at - from, err
		}
		if file == nil && visible > at {
			if file, err = openEither(o.path, c.blob(o.digest)); err != nil {
				// It was just removed, and the reason comes.
				o.mutex.Lock()
				for !o.done && ctx.Err() == nil {
					o.changed.Wait()
				}
				err = cmp.Or(o.err, err)
				o.mutex.Unlock()
				return at - from, err
			}
		}
		if visible > at {
			count, err := io.Copy(w, io.NewSectionReader(file, at, visible-at))
			at += count
			if err == nil && at < visible {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return at - from, err
			}
			continue
		}
		if done {
			return at - from, nil
		}
	}
}

func openEither(paths ...string) (file *os.File, err error) {
	for _, path := range paths {
		if file, err = os.Open(path); err == nil {
			return file, nil
		}
	}
	return nil, err
}
