package main

import (
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
)

func probeReportCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Write the reports again from the transcript",
		Long: `Write the reports of a study again, from the transcript.jsonl in its directory.
Nothing is sent. With the same version of this program, the same transcript gives
the same reports, byte for byte.`,
		Example: `  rookery probe report probe-127.0.0.1-8000`,
		Args:    exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			study, err := probe.Report(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printStudy(printer{cmd.OutOrStdout(), asJSON}, study, 0, args[0])
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
