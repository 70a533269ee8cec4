package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// LoadedExperiment is an experiment file with the overrides of the command line applied.
type LoadedExperiment struct {
	File            *experiment.File
	name            string
	sourceText      []byte
	overrides       journal.Overrides
	secretVariables []string // environment variables that supplied secrets
}

// LoadExperiment reads an experiment file by its path, or a shipped one by its name.
// getenv looks up variables as os.LookupEnv does. Errors in the file are
// experiment.Problems; any other error is a [*SetupError].
func LoadExperiment(name string, overrides journal.Overrides,
	getenv func(string) (string, bool)) (*LoadedExperiment, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if shipped, ok := experiment.ReadShipped(name); ok {
			return parseExperiment(name, shipped, overrides, getenv)
		}
		return nil, setupErrorf("there is no experiment file %s, and none of that name is shipped; shipped are %s",
			name, strings.Join(experiment.ShippedNames(), ", "))
	}
	if err != nil {
		return nil, setupErrorf("cannot read the experiment file: %w", err)
	}
	return parseExperiment(name, text, overrides, getenv)
}

func parseExperiment(name string, source []byte, overrides journal.Overrides,
	getenv func(string) (string, bool)) (*LoadedExperiment, error) {
	loaded := &LoadedExperiment{name: name, sourceText: source, overrides: overrides}
	file, err := experiment.Parse(name, source, func(variable string) (string, bool) {
		value, ok := getenv(variable)
		if ok && value != "" && !slices.Contains(loaded.secretVariables, variable) {
			loaded.secretVariables = append(loaded.secretVariables, variable)
		}
		return value, ok
	})
	if err != nil {
		return nil, err
	}
	loaded.File = file
	return loaded, loaded.applyOverrides()
}

// applyOverrides applies the settings of the command line to the file.
func (e *LoadedExperiment) applyOverrides() error {
	file, overrides := e.File, e.overrides
	for name, target := range map[string]string{"reset": overrides.ResetURL, "clock": overrides.ClockURL} {
		if parsedURL, err := url.Parse(target); err != nil || parsedURL.IsAbs() &&
			(parsedURL.Scheme != "http" || parsedURL.Host == "") {
			return setupErrorf("--%s %q is no URL; write a path on the server such as /control/%s, or a whole URL",
				name, target, name)
		}
	}
	if overrides.ResetURL != "" {
		file.Reset = experiment.ResetMethod{Kind: experiment.ResetURL, URL: overrides.ResetURL}
	}
	if overrides.ClockURL != "" {
		file.Clock = experiment.ServerClock{URL: overrides.ClockURL}
	}
	if err := e.overridePlaces(); err != nil {
		return err
	}
	for role, number := range overrides.Accounts {
		index := slices.IndexFunc(file.Accounts, func(account experiment.Account) bool { return account.Role == role })
		if index < 0 {
			return setupErrorf("%s has no role %s; its roles are %s", e.name, role, strings.Join(roleNames(file), ", "))
		}
		file.Accounts[index].Number = number
	}
	for i, a := range file.Accounts {
		for _, account := range file.Accounts[:i] {
			if a.Number == account.Number {
				return setupErrorf("%s and %s have the same account, %s; each role needs its own", account.Role, a.Role,
					a.Number)
			}
		}
	}
	return nil
}

// overridePlaces replaces the file's places by those of the command line, if there are any.
func (e *LoadedExperiment) overridePlaces() error {
	file, places := e.File, e.overrides.Places
	if len(places) == 0 {
		return nil
	}
	for i, place := range places {
		if _, err := netip.ParseAddr(place); err != nil {
			return setupErrorf("--places %q is no address of this machine, such as 127.0.0.2", place)
		}
		if slices.Contains(places[:i], place) {
			return setupErrorf("--places has %s twice", place)
		}
	}
	steps := slices.Clone(file.Setup)
	for _, scenario := range file.Scenarios {
		steps = append(steps, scenario.Steps...)
	}
	for _, step := range steps {
		if step.Place >= len(places) {
			return setupErrorf("--places has %d, and the file has a step of place %d: %s", len(places), step.Place+1,
				file.FormatStep(step))
		}
	}
	file.Places = places
	return nil
}

func roleNames(file *experiment.File) []string {
	var names []string
	for _, account := range file.Accounts {
		names = append(names, account.Role)
	}
	return names
}

// recordedExperiment parses the experiment file in a transcript. The transcript has no secrets
// from environment variables. They are not needed to replay it.
func recordedExperiment(head journal.TranscriptHead) (*LoadedExperiment, error) {
	experiment, err := parseExperiment(head.ExperimentName, []byte(head.ExperimentText), head.Overrides,
		func(variable string) (string, bool) {
			return "hidden", slices.Contains(head.Variables, variable)
		})
	if err != nil {
		return nil, fmt.Errorf("the experiment file in the transcript: %w", err)
	}
	return experiment, nil
}

// SetupError says why an operation could not begin. No file has been changed in that case.
type SetupError struct{ cause error }

func (r *SetupError) Error() string { return r.cause.Error() }
func (r *SetupError) Unwrap() error { return r.cause }

func setupErrorf(format string, args ...any) error { return &SetupError{fmt.Errorf(format, args...)} }
