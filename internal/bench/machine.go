package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine describes where a run took place.
func machine() string {
	model := "unknown CPU"
	// Linux only; elsewhere the architecture has to do.
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			name, value, found := strings.Cut(line, ":")
			if found && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return model
}

// versions are the modules of this program by path, with the version built in.
func versions() map[string]string {
	all := make(map[string]string)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return all
	}
	for _, m := range info.Deps {
		all[m.Path] = m.Version
		if m.Replace != nil {
			all[m.Path] = "this tree"
		}
	}
	return all
}

// platform is the Go version with operating system and architecture.
func platform() string {
	return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
