// Command classify reads paths of licence files, one a line, and writes for each a line of JSON with the identifiers of
// the licences in it. What it knows are the texts of SPDX, by the library that pkg.go.dev uses.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/google/licensecheck"
)

type answer struct {
	Path string `json:"path"`
	// How much of the words belongs to a known licence.
	Percent  float64  `json:"percent"`
	Licences []string `json:"licences"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text, err := os.ReadFile(lines.Text())
		if err != nil {
			return err
		}
		found := licensecheck.Scan(text)
		ids := []string{}
		for _, match := range found.Match {
			ids = append(ids, match.ID)
		}
		slices.Sort(ids)
		if err := out.Encode(answer{lines.Text(), found.Percent, slices.Compact(ids)}); err != nil {
			return err
		}
	}
	return lines.Err()
}
