//go:build linux

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if program := own[os.Args[1]]; program != nil {
			os.Exit(program(os.Args[2:]))
		}
	}
	if os.Getenv(credentialProcessVariable) != "" {
		os.Exit(credentialProcess())
	}
	code := m.Run()
	stopShared()
	fmt.Println(tally.summary())
	os.Exit(code)
}

// own are programs that the tests have other programs run, or that are to run in
// a sandbox: this test binary is them if its first argument is the name.
var own = map[string]func(args []string) (status int){
	"google-executable": googleExecutable,
	"google-go-client":  googleGoClient,
}

// ledger counts what ran against a real program, and what could not.
type ledger struct {
	mu      sync.Mutex
	ran     map[string]bool     // tests, by name
	missing map[string][]string // the tests that each missing program kept from running
}

var tally = ledger{ran: map[string]bool{}, missing: map[string][]string{}}

func (l *ledger) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := make([]string, 0, len(l.missing))
	for name, tests := range l.missing {
		names = append(names, fmt.Sprintf("%s (kept from running: %s)", name, strings.Join(tests, ", ")))
	}
	slices.Sort(names)
	if len(names) == 0 {
		names = []string{"none"}
	}
	leaves := len(l.ran)
	for parent := range l.ran {
		for child := range l.ran {
			if strings.HasPrefix(child, parent+"/") {
				leaves-- // its subtests count
				break
			}
		}
	}
	return fmt.Sprintf("interop: %d tests ran against real programs; MISSING: %s", leaves, strings.Join(names, "; "))
}

// real notes that t, perhaps a subtest, runs against a real program that has
// been found.
func (l *ledger) real(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ran[t.Name()] = true
}

// required returns the path of the last of these programs, all of which
// install.sh installs. Without one of them the test fails.
func required(t *testing.T, names ...string) string {
	t.Helper()
	var path string
	for _, name := range names {
		var err error
		if path, err = lookProgram(name); err != nil {
			t.Fatalf("interop: %s is not installed (%v): run internal/interop/install.sh", name, err)
		}
	}
	tally.real(t)
	return path
}

// optional returns the path of a program that nothing here can install. Without
// it, it prints MISSING and returns false, and the test must end.
func optional(t *testing.T, name string) (string, bool) {
	t.Helper()
	path, err := lookProgram(name)
	if err != nil {
		tally.mu.Lock()
		tally.missing[name] = append(tally.missing[name], t.Name())
		tally.mu.Unlock()
		fmt.Printf("MISSING: %s: %s did not run\n", name, t.Name())
		return "", false
	}
	tally.real(t)
	return path, true
}

// lookProgram searches PATH, after the directory into which install.sh builds.
func lookProgram(name string) (string, error) {
	if dir := programDir(); dir != "" {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// programDir is the directory into which install.sh builds: the same rule as
// there.
func programDir() string {
	if dir := os.Getenv("CIOIDC_INTEROP_BIN"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "cioidc", "interop")
}
