package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everyCommand calls do with a command and all below it.
func everyCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		everyCommand(sub, do)
	}
}

// exampleLines matches the calls of the program in examples.
var exampleLines = regexp.MustCompile(`\brookery [^|>&)\n#]*`)

func TestCommandsForPeopleHaveThreeToEightExamples(t *testing.T) {
	for _, c := range newRoot().Commands() {
		if c.GroupID != "use" && c.GroupID != "people" {
			continue
		}
		everyCommand(c, func(c *cobra.Command) {
			n := 0
			for line := range strings.Lines(c.Example) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					n++
				}
			}
			if n < 3 || n > 8 {
				t.Errorf("%s has %d examples", c.CommandPath(), n)
			}
		})
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	everyCommand(newRoot(), func(c *cobra.Command) {
		switch {
		case c.Hidden, c.Name() == "help":
		case c.Short == "" || c.Long == "":
			t.Errorf("%s does not say what it does", c.CommandPath())
		case c.Runnable() && c.Example == "":
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 120 {
				t.Errorf("%s has a line of %d characters: %s", c.CommandPath(), n, line)
			}
		}
	})
}

func TestExamplesAreCommandsWithFlagsThatThereAre(t *testing.T) {
	everyCommand(newRoot(), func(c *cobra.Command) {
		for _, example := range exampleLines.FindAllString(c.Example, -1) {
			words := strings.Fields(example)[1:]
			named, _, err := newRoot().Find(words)
			if err != nil || !named.Runnable() {
				t.Errorf("%s: there is no %q", c.CommandPath(), example)
				continue
			}
			for _, word := range words {
				flag, isFlag := strings.CutPrefix(word, "--")
				flag, _, _ = strings.Cut(flag, "=")
				if isFlag && named.Flag(flag) == nil {
					t.Errorf("%s: %q has no flag --%s", c.CommandPath(), example, flag)
				}
			}
		}
	})
}
