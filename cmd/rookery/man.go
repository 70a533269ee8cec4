package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Write a manual page for each command and topic into a directory, which is created
if necessary. The pages contain the same text as --help.`,
		Example: `  rookery man ~/.local/share/man/man1
  sudo rookery man /usr/local/share/man/man1
  rookery man /tmp/man && man /tmp/man/rookery-send.1`,
		Args: exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error { return writeManual(cmd.Root(), args[0]) },
	}
}

func writeManual(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the directory: %w", err)
	}
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Source: "Rookery", Manual: "Rookery manual"}
	for _, cmd := range append(root.Commands(), root) {
		// GenManTree omits help topics below a command, so generate their pages separately.
		if cmd != root && !cmd.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := doc.GenManTree(cmd, header, dir); err != nil {
			return fmt.Errorf("cannot write the manual pages: %w", err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "rookery*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages { // readable for all users, regardless of the umask
		if err := os.Chmod(page, 0o644); err != nil {
			return fmt.Errorf("cannot let others read a manual page: %w", err)
		}
	}
	return nil
}
