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

// An Experiment is an experiment file that was read, with what the command line
// has otherwise.
type Experiment struct {
	File      *experiment.File
	name      string
	source    []byte
	changes   journal.Overrides
	variables []string // of the environment, that secrets came from
}

// Load reads an experiment file: one of that path, or the shipped one of that
// name. Getenv looks up variables as os.LookupEnv does. What is wrong with the file
// is told by experiment.Problems; any other error is a [*SetupError].
func Load(name string, changes journal.Overrides, getenv func(string) (string, bool)) (*Experiment, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if shipped, ok := experiment.ReadShipped(name); ok {
			return parse(name, shipped, changes, getenv)
		}
		return nil, refuse("there is no experiment file %s, and none of that name is shipped; shipped are %s",
			name, strings.Join(experiment.ShippedNames(), ", "))
	}
	if err != nil {
		return nil, refuse("cannot read the experiment file: %w", err)
	}
	return parse(name, text, changes, getenv)
}

func parse(name string, source []byte, changes journal.Overrides, getenv func(string) (string, bool)) (*Experiment, error) {
	e := &Experiment{name: name, source: source, changes: changes}
	file, err := experiment.Parse(name, source, func(variable string) (string, bool) {
		value, ok := getenv(variable)
		if ok && value != "" && !slices.Contains(e.variables, variable) {
			e.variables = append(e.variables, variable)
		}
		return value, ok
	})
	if err != nil {
		return nil, err
	}
	e.File = file
	return e, e.change()
}

// change makes the file what the command line wants.
func (e *Experiment) change() error {
	file, changes := e.File, e.changes
	for name, to := range map[string]string{"reset": changes.ResetURL, "clock": changes.ClockURL} {
		if u, err := url.Parse(to); err != nil || u.IsAbs() && (u.Scheme != "http" || u.Host == "") {
			return refuse("--%s %q is no URL; write a path on the server such as /control/%s, or a whole URL", name, to, name)
		}
	}
	if changes.ResetURL != "" {
		file.Reset = experiment.ResetMethod{Kind: experiment.ResetURL, URL: changes.ResetURL}
	}
	if changes.ClockURL != "" {
		file.Clock = experiment.ServerClock{URL: changes.ClockURL}
	}
	if err := e.changePlaces(); err != nil {
		return err
	}
	for role, number := range changes.Accounts {
		at := slices.IndexFunc(file.Accounts, func(account experiment.Account) bool { return account.Role == role })
		if at < 0 {
			return refuse("%s has no role %s; its roles are %s", e.name, role, strings.Join(roles(file), ", "))
		}
		file.Accounts[at].Number = number
	}
	for i, a := range file.Accounts {
		for _, account := range file.Accounts[:i] {
			if a.Number == account.Number {
				return refuse("%s and %s have the same account, %s; each role needs its own", account.Role, a.Role, a.Number)
			}
		}
	}
	return nil
}

func (e *Experiment) changePlaces() error {
	file, places := e.File, e.changes.Places
	if len(places) == 0 {
		return nil
	}
	for i, place := range places {
		if _, err := netip.ParseAddr(place); err != nil {
			return refuse("--places %q is no address of this machine, such as 127.0.0.2", place)
		}
		if slices.Contains(places[:i], place) {
			return refuse("--places has %s twice", place)
		}
	}
	steps := slices.Clone(file.Setup)
	for _, scenario := range file.Scenarios {
		steps = append(steps, scenario.Steps...)
	}
	for _, step := range steps {
		if step.Place >= len(places) {
			return refuse("--places has %d, and the file has a step of place %d: %s", len(places), step.Place+1, file.FormatStep(step))
		}
	}
	file.Places = places
	return nil
}

func roles(file *experiment.File) []string {
	var all []string
	for _, account := range file.Accounts {
		all = append(all, account.Role)
	}
	return all
}

// recorded is the experiment of a transcript. The secrets of its environment are
// not in it, and not needed: what was sent is.
func recorded(head journal.TranscriptHead) (*Experiment, error) {
	experiment, err := parse(head.ExperimentName, []byte(head.ExperimentText), head.Overrides, func(variable string) (string, bool) {
		return "hidden", slices.Contains(head.Variables, variable)
	})
	if err != nil {
		return nil, fmt.Errorf("the experiment file in the transcript: %w", err)
	}
	return experiment, nil
}

// A Refusal is why something was not done, before anything was changed; for
// people.
type SetupError struct{ cause error }

func (r *SetupError) Error() string { return r.cause.Error() }
func (r *SetupError) Unwrap() error { return r.cause }

func refuse(format string, args ...any) error { return &SetupError{fmt.Errorf(format, args...)} }
