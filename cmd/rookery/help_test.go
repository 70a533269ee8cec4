package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everyCommand calls action for a command and all its subcommands.
func everyCommand(cmd *cobra.Command, action func(*cobra.Command)) {
	action(cmd)
	for _, sub := range cmd.Commands() {
		everyCommand(sub, action)
	}
}

// exampleLines matches invocations of the program in examples.
var exampleLines = regexp.MustCompile(`\brookery [^|>&)\n#]*`)

func TestCommandsForPeopleHaveThreeToEightExamples(t *testing.T) {
	for _, cmd := range newRoot().Commands() {
		if cmd.GroupID != "use" && cmd.GroupID != "people" {
			continue
		}
		everyCommand(cmd, func(cmd *cobra.Command) {
			n := 0
			for line := range strings.Lines(cmd.Example) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					n++
				}
			}
			if n < 3 || n > 8 {
				t.Errorf("%s has %d examples, want 3 to 8", cmd.CommandPath(), n)
			}
		})
	}
}

func TestEveryCommandHasHelpAndAnExample(t *testing.T) {
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		switch {
		case cmd.Hidden, cmd.Name() == "help":
		case cmd.Short == "" || cmd.Long == "":
			t.Errorf("%s has no help text", cmd.CommandPath())
		case cmd.Runnable() && cmd.Example == "":
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 120 {
				t.Errorf("%s has a line of %d characters, want at most 120: %s", cmd.CommandPath(), n, line)
			}
		}
	})
}

func TestExamplesUseExistingCommandsAndFlags(t *testing.T) {
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		for _, example := range exampleLines.FindAllString(cmd.Example, -1) {
			words := strings.Fields(example)[1:]
			named, _, err := newRoot().Find(words)
			if err != nil || !named.Runnable() {
				t.Errorf("%s: no command fits %q", cmd.CommandPath(), example)
				continue
			}
			for _, word := range words {
				flag, isFlag := strings.CutPrefix(word, "--")
				flag, _, _ = strings.Cut(flag, "=")
				if isFlag && named.Flag(flag) == nil {
					t.Errorf("%s: %q has no flag --%s", cmd.CommandPath(), example, flag)
				}
			}
		}
	})
}
