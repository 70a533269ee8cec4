package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Write a manual page for each command and topic into a directory, which is made if
there is none. They say what --help says.`,
		Example: `  rookery man ~/.local/share/man/man1
  sudo rookery man /usr/local/share/man/man1
  rookery man /tmp/man && man /tmp/man/rookery-send.1`,
		Args: takes("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("cannot make the directory: %w", err)
			}
			return writeManTree(args[0], c.Root())
		},
	}
}

// writeManTree writes the pages of a command and all below it.
func writeManTree(dir string, c *cobra.Command) error {
	if c.Hidden || c.Name() == "help" {
		return nil
	}
	// A manual is for everybody to read, whatever the umask is.
	file := filepath.Join(dir, manName(c)+".1")
	err := os.WriteFile(file, []byte(manPage(c)), 0o644)
	if err == nil {
		err = os.Chmod(file, 0o644)
	}
	if err != nil {
		return fmt.Errorf("cannot write a manual page: %w", err)
	}
	for _, sub := range c.Commands() {
		if err := writeManTree(dir, sub); err != nil {
			return err
		}
	}
	return nil
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is a command's help in the language of man(7).
func manPage(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 \"\" Rookery \"Rookery manual\"\n", strings.ToUpper(manName(c)))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(c)), roff(c.Short))
	if c.Runnable() {
		fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	}
	b.WriteString(".SH DESCRIPTION\n" + roffText(c.Long))
	manOptions(&b, "OPTIONS", c.NonInheritedFlags())
	manOptions(&b, "INHERITED OPTIONS", c.InheritedFlags())
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + roffLines(strings.Split(c.Example, "\n")))
	}
	b.WriteString(".SH SEE ALSO\n")
	if c.HasParent() {
		fmt.Fprintf(&b, ".BR %s (1)\n", roff(manName(c.Parent())))
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			fmt.Fprintf(&b, ".BR %s (1)\n", roff(manName(sub)))
		}
	}
	return b.String()
}

func manOptions(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR", roff(name))
		if value != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", roff(value))
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, "\n%s\n", roff(usage))
	})
}

// roffText is a help text: paragraphs, and indented lines that stay as they
// are.
func roffText(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		lines := strings.Split(paragraph, "\n")
		if strings.HasPrefix(lines[0], "  ") {
			b.WriteString(roffLines(lines))
			continue
		}
		for _, line := range lines {
			b.WriteString(roff(line) + "\n")
		}
	}
	return b.String()
}

// roffLines are lines that are not filled.
func roffLines(lines []string) string {
	var b strings.Builder
	b.WriteString(".nf\n")
	for _, line := range lines {
		b.WriteString(roff(line) + "\n")
	}
	b.WriteString(".fi\n")
	return b.String()
}

// roff is a line of text as man(7) takes it: a dash is a minus, so that examples
// can be copied, and nothing is a macro.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}
