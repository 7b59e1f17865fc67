package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile"
	"github.com/cioidc/cioidc/exchange/trustfile/trusthcl"
)

// input is what was found in the files: the documents, and what could not be
// read.
type input struct {
	documents []trustfile.Document
	errors    []error
}

// readAll reads files and folders. Whatever is named must be readable; in a
// folder, files about something else are passed over.
func readAll(paths []string, variables map[string]string) *input {
	in := &input{}
	modules := map[string][]string{} // Terraform's files that were asked for, by folder
	for _, root := range paths {
		info, err := os.Stat(root)
		if err != nil {
			in.errors = append(in.errors, err)
			continue
		}
		walked := root
		if info.IsDir() {
			walked += string(filepath.Separator) // of a link too, what it leads to
		}
		err = filepath.WalkDir(walked, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				in.errors = append(in.errors, err)
			case entry.IsDir() && path != walked && skipped(entry.Name()):
				return fs.SkipDir
			case entry.IsDir():
			case info.IsDir() && !readable(path):
			case strings.EqualFold(filepath.Ext(path), ".tf"):
				modules[filepath.Dir(path)] = append(modules[filepath.Dir(path)], path)
			case !info.IsDir() || slices.Contains([]string{".json", ".yaml", ".yml"}, strings.ToLower(filepath.Ext(path))):
				in.file(path, !info.IsDir())
			}
			return nil
		})
		if err != nil {
			in.errors = append(in.errors, err)
		}
	}
	for folder, asked := range modules {
		in.module(folder, asked, variables)
	}
	slices.SortStableFunc(in.documents, func(a, b trustfile.Document) int { return strings.Compare(a.File, b.File) })
	return in
}

// skipped says whether a folder holds what others wrote.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}

// readable says whether a name in a folder is one that reading comes to the end
// of: it does not of a pipe. What is not there is for the reader to report.
func readable(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

func (in *input) file(path string, named bool) {
	data, err := readFile(path, trustfile.MaxBytes)
	if err != nil {
		in.errors = append(in.errors, err) // it may be about anything
		return
	}
	docs, err := trustfile.Read(filepath.ToSlash(path), data)
	if err == nil {
		in.documents = append(in.documents, docs...)
		return
	}
	// A folder has files that only look like JSON or YAML, such as templates.
	if named || bytes.Contains(data, []byte("AssumeRole")) || bytes.Contains(data, []byte("workload_identity_pool")) || bytes.Contains(data, []byte("workloadIdentityPool")) {
		in.errors = append(in.errors, err)
	}
}

// module reads the Terraform files of a folder, of which each may need the
// others, and keeps the documents of those that were asked for.
func (in *input) module(folder string, asked []string, variables map[string]string) {
	all, err := filepath.Glob(filepath.Join(escape(folder), "*.tf"))
	if err != nil {
		all = asked
	}
	var files []trusthcl.File
	for _, path := range all {
		data, err := readFile(path, trusthcl.MaxBytes)
		if err != nil {
			in.errors = append(in.errors, err)
			continue
		}
		files = append(files, trusthcl.File{Name: filepath.ToSlash(path), Data: data})
	}
	docs, err := trusthcl.Read(files, &trusthcl.Options{Variables: variables})
	if err != nil {
		in.errors = append(in.errors, err)
	}
	for _, d := range docs {
		if slices.ContainsFunc(asked, func(path string) bool { return filepath.ToSlash(path) == d.File }) {
			in.documents = append(in.documents, d)
		}
	}
}

// escape makes a folder's name a pattern that matches it alone.
func escape(folder string) string {
	return strings.NewReplacer(`[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(folder)
}
