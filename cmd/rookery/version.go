package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version and revision of Rookery, and the Go version that built it.",
		Example: "  rookery version",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText(info))
			return err
		},
	}
}

// versionText describes the build information, which may be nil.
func versionText(info *debug.BuildInfo) string {
	if info == nil {
		return "rookery, of unknown version"
	}
	text := "rookery " + info.Main.Version
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		text = "rookery, not a release"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		text += ", revision " + revision
		if at := settings["vcs.time"]; at != "" {
			text += " of " + at
		}
		if settings["vcs.modified"] == "true" {
			text += ", modified"
		}
	}
	return text + ", built with " + info.GoVersion
}
