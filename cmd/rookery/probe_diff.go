package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

func probeDiffCommand() *cobra.Command {
	var f studyFlags
	c := &cobra.Command{
		Use:   "diff URL-A URL-B",
		Short: "Compare two servers",
		Long: `Study two servers at once, and report in what they differ: each difference once,
with the smallest row of steps that shows it, which was repeated five times. It
writes the folder that run writes, for the first server, and differences.json.

Each difference is a line: the command whose answer differs (* for three or more),
the side of the protocol, what differs, and in what.

The exit code is 0 if no difference was found, 1 if one was, and 2 if the
comparison could not be made, or was interrupted before one was found.`,
		Example: `  rookery probe diff http://127.0.0.1:8000/ http://127.0.0.1:8001/
  rookery probe diff 127.0.0.1:8000 127.0.0.1:8001 -f my-server.yaml -o old-and-new --json`,
		Args: takes("URL-A", "URL-B"),
		RunE: func(c *cobra.Command, args []string) error {
			return orNotMade(f.diff(c, args))
		},
	}
	f.register(c)
	return c
}

func (f *studyFlags) diff(c *cobra.Command, args []string) error {
	o, err := f.options(c, args...)
	if err != nil {
		return err
	}
	if o.Servers[0] == o.Servers[1] {
		return usageErrorf(c, "both URLs are %s; name two servers", o.Servers[0])
	}
	if f.dryRun {
		return f.plan(c, o)
	}
	r, err := makeStudy(c, o, probe.Diff)
	if err != nil {
		return err
	}
	if err := f.print(c, o, r); err != nil {
		return err
	}
	if len(r.Differences) > 0 {
		return &reportedError{errors.New("the servers differ")}
	}
	return endedEarly(o, r)
}

// differenceLines are the differences for people.
func differenceLines(s *finding.Study) []string {
	if len(s.Differences) == 0 {
		return []string{"no difference was found"}
	}
	lines := []string{count(len(s.Differences), "difference") + ":"}
	for _, d := range s.Differences {
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", d.Command, d.Aspect, d.Name, d.Summary))
	}
	return lines
}
