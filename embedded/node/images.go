package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// importedFile records which archives were imported, and of which build.
const importedFile = clusterFolder + "/images.json"

type importedImages struct {
	BuildHash string   `json:"buildHash"`
	Tars      []string `json:"tars"`
}

// importer puts the images into containerd, one after the other: the first two,
// which every pod waits for, at once, the others when the API server has had
// the processors for itself.
type importer struct {
	supervisor *supervisor
	gates      *gates
	config     Config
}

// urgentImages come before the API server is ready: the sandbox and the resolver.
const urgentImages = 2

func (i *importer) run(ctx context.Context) {
	i.gates.runtime.wait(ctx)
	done := i.alreadyImported()
	for index, image := range i.config.Images {
		if index == urgentImages {
			i.gates.api.wait(ctx)
		}
		for pause := firstPause; !slices.Contains(done.Tars, image.Tar) && ctx.Err() == nil; pause = min(pause*2, mostPause) {
			if err := i.importOne(ctx, image); err != nil {
				i.supervisor.status.change(func(content *statusContent) { content.Images.Failure = err.Error() })
				time.Sleep(pause)
				continue
			}
			done.Tars = append(done.Tars, image.Tar)
			if err := writeJSON(importedFile, done); err != nil {
				fmt.Fprintln(os.Stderr, "images:", err)
			}
		}
		if ctx.Err() != nil {
			return
		}
		i.supervisor.status.change(func(content *statusContent) {
			content.Images.Ready = append(content.Images.Ready, image.Refs...)
			content.Images.Importing, content.Images.Failure = "", ""
		})
	}
	i.supervisor.status.milestone("images ready")
}

// alreadyImported is what an earlier run of the node imported from this build.
func (i *importer) alreadyImported() importedImages {
	var done importedImages
	text, err := os.ReadFile(importedFile)
	if err != nil || json.Unmarshal(text, &done) != nil || done.BuildHash != i.config.BuildHash {
		return importedImages{BuildHash: i.config.BuildHash, Tars: []string{}}
	}
	return done
}

func (i *importer) importOne(ctx context.Context, image Image) error {
	i.supervisor.status.change(func(content *statusContent) { content.Images.Importing = image.Refs[0] })
	output := &bytes.Buffer{}
	ctr := program{name: "ctr", path: i.config.program("ctr"), args: []string{
		"--namespace", "k8s.io", "--address", containerdSocket,
		"images", "import", "--snapshotter", snapshotter(), filepath.Join(buildFolder, image.Tar),
	}}
	_, ended, err := i.supervisor.spawn(ctr, output)
	if err != nil {
		return err
	}
	select {
	case status := <-ended:
		if status.ExitStatus() != 0 {
			return fmt.Errorf("import of %s: %s: %s", image.Tar, describeEnd(status), strings.TrimSpace(output.String()))
		}
		return nil
	case <-ctx.Done():
		return errors.New("the node stops")
	}
}
