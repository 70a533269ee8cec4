package main

import (
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
)

func probeReportCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Write the reports anew from the transcript",
		Long: `Write the reports in the folder of a study anew, from its transcript.jsonl alone.
Nothing is sent. The same transcript gives the same reports, to the byte, with the
same version of this program.`,
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
