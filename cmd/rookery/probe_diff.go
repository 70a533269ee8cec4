package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

func probeDiffCommand() *cobra.Command {
	var flags studyFlags
	cmd := &cobra.Command{
		Use:   "diff URL-A URL-B",
		Short: "Compare two servers",
		Long: `Study two servers side by side, and report each difference once, with the shortest
sequence of steps that shows it, which was repeated five times. The output
directory is that of run, for the first server, plus differences.json.

Each difference is a line: the command whose answer differs (* for three or more),
the aspect of the protocol, the name of what differs, and how.

A difference that did not show again when its steps were replayed is reported as
such: the servers may show it only now and then, or after something that the steps
do not contain.

The exit code is 0 if no difference was found, 1 if one was, 2 if the comparison
failed or was interrupted before one was found, and 3 if no difference that was
seen showed again.`,
		Example: `  rookery probe diff http://127.0.0.1:8000/ http://127.0.0.1:8001/
  rookery probe diff 127.0.0.1:8000 127.0.0.1:8001 -f my-server.yaml -o old-and-new --json`,
		Args: exactArgs("URL-A", "URL-B"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return asNotPerformed(flags.diff(cmd, args))
		},
	}
	flags.addTo(cmd)
	return cmd
}

func (sf *studyFlags) diff(cmd *cobra.Command, args []string) error {
	options, err := sf.newOptions(cmd, args...)
	if err != nil {
		return err
	}
	if options.ServerURLs[0] == options.ServerURLs[1] {
		return usageErrorf(cmd, "both URLs are %s; name two servers", options.ServerURLs[0])
	}
	if sf.dryRun {
		return sf.printPlan(cmd, options)
	}
	result, err := runStudy(cmd, options, probe.Diff)
	if err != nil {
		return err
	}
	if err := sf.printResult(cmd, options, result); err != nil {
		return err
	}
	if len(result.Differences) > 0 {
		return &reportedError{errors.New("the servers differ")}
	}
	if err := interruptedError(options, result); err != nil || len(result.Sightings) == 0 {
		return err
	}
	return &reportedError{errNotReproduced}
}

// errNotReproduced is the result of a comparison that saw differences, none of which showed again when replayed.
var errNotReproduced = errors.New("differences were seen, and none showed again")

// differenceLines describes the differences for people.
func differenceLines(study *finding.Study) []string {
	var lines []string
	switch {
	case len(study.Differences) > 0:
		lines = append(lines, countNoun(len(study.Differences), "difference")+":")
	case len(study.Sightings) == 0:
		lines = append(lines, "no difference was found")
	}
	for _, difference := range study.Differences {
		lines = append(lines, differenceLine(difference))
	}
	if len(study.Sightings) > 0 {
		lines = append(lines, countNoun(len(study.Sightings), "difference")+" seen that did not show again:")
	}
	for _, difference := range study.Sightings {
		lines = append(lines, fmt.Sprintf("%s, replayed: %s", differenceLine(difference), difference.Replayed))
	}
	return lines
}

func differenceLine(difference finding.ServerDifference) string {
	return fmt.Sprintf("%s %s %s: %s", difference.Command, difference.Aspect, difference.Name, difference.Summary)
}
