package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

func probeRunCommand() *cobra.Command {
	var flags studyFlags
	cmd := &cobra.Command{
		Use:   "run [URL]",
		Short: "Study one server",
		Long: `Study a server and write the results into a directory: report.html and report.md
for people, protocol.json for programs, model.dot with the state machines, and
transcript.jsonl with all requests and answers. Without a URL the server is that
of the experiment file.

Ctrl-C ends the study with exit code 1, and the report contains the results so far.
The same command continues the study: experiments in the transcript are not
repeated.

If the server cannot be reached or is of another kind, a password is wrong, or an
account is in use, nothing is written and the exit code is 2.`,
		Example: `  rookery probe run http://127.0.0.1:8000/ --dry-run
  PROBE_A=secret1 PROBE_B=secret2 PROBE_STRANGER=secret3 rookery probe run http://127.0.0.1:8000/
  rookery probe run http://127.0.0.1:8000/ -f my-server.yaml -o study --budget 20000
  rookery probe run 127.0.0.1:8001 --reset /control/reset --clock /control/clock`,
		Args: atMostOneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := flags.newOptions(cmd, append(args, "")[0])
			if err != nil {
				return err
			}
			if flags.dryRun {
				return flags.printPlan(cmd, options)
			}
			result, err := runStudy(cmd, options, probe.Run)
			if err != nil {
				return err
			}
			if err := flags.printResult(cmd, options, result); err != nil {
				return err
			}
			return interruptedError(options, result)
		},
	}
	flags.addTo(cmd)
	return cmd
}

// interruptedError returns an error if the study was interrupted before it reached its limits.
func interruptedError(options probe.Options, result *probe.StudyResult) error {
	if !result.Interrupted && !result.ServerBroken {
		return nil
	}
	return fmt.Errorf("%s: the report says what was found until then, and the same command goes on with %s",
		result.Stopped, options.Folder)
}

// runStudy runs a study until it is done or a signal arrives.
func runStudy(cmd *cobra.Command, options probe.Options,
	study func(context.Context, probe.Options) (*probe.StudyResult, error)) (result *probe.StudyResult, err error) {
	plan, err := probe.NewPlan(cmd.Context(), options)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), describeCost(plan))
	err = runProber(cmd, func(ctx context.Context, report func(probe.StudyProgress)) error {
		options.OnProgress, options.PlannedWaits = report, time.Duration(plan.WaitSeconds*float64(time.Second))
		result, err = study(ctx, options)
		return err
	})
	return result, err
}

// describeCost says before a study how many requests and how much time it takes.
func describeCost(plan *probe.Plan) string {
	line := fmt.Sprintf("at most %d requests to each server, about %s", plan.Budget, formatSeconds(plan.MaxSeconds))
	if plan.WaitSeconds > 0 {
		line += fmt.Sprintf(", of which %s is waiting for sessions to end", formatSeconds(plan.WaitSeconds))
	}
	switch {
	case plan.TimeLimit > 0 && plan.TimeLimit < plan.MaxSeconds:
		line += "; it ends after " + formatSeconds(plan.TimeLimit)
	case plan.WaitSeconds > 0:
		line += "; --time ends it sooner"
	}
	return line
}

// studySummary is the JSON form of a study's result.
type studySummary struct {
	Name        string                     `json:"name"`
	Servers     []string                   `json:"servers"`
	Requests    []int                      `json:"requests"` // to each server
	Resumed     int                        `json:"resumed"`  // of them, those that an earlier call sent
	Tries       int                        `json:"tries"`
	Faults      int                        `json:"faults"`
	Seconds     float64                    `json:"seconds"`
	Stopped     string                     `json:"stopped,omitempty"`
	Facts       map[finding.Grade]int      `json:"facts"`
	Untested    int                        `json:"untested"`
	Differences []finding.ServerDifference `json:"differences,omitempty"`
	Sightings   []finding.ServerDifference `json:"sightings,omitempty"` // differences that did not show again
	Report      string                     `json:"report"`
}

func countGrades(study *finding.Study) map[finding.Grade]int {
	counts := make(map[finding.Grade]int)
	for _, fact := range study.Facts {
		counts[fact.Grade]++
	}
	return counts
}

// printResult prints the result of a study.
func (sf *studyFlags) printResult(cmd *cobra.Command, options probe.Options, result *probe.StudyResult) error {
	return printStudy(printer{cmd.OutOrStdout(), sf.asJSON}, result.Study, result.ResumedRequests, options.Folder)
}

func printStudy(out printer, study *finding.Study, resumed int, dir string) error {
	report := filepath.Join(dir, "report.html")
	if out.asJSON {
		return out.printJSON(studySummary{
			Name: study.Name, Servers: study.Servers, Requests: study.Requests, Resumed: resumed, Tries: study.Tries,
			Faults:  study.Faults,
			Seconds: study.Seconds, Stopped: study.Stopped, Facts: countGrades(study), Untested: len(study.Untested),
			Differences: study.Differences, Sightings: study.Sightings, Report: report,
		})
	}
	var lines []string
	for i, server := range study.Servers {
		lines = append(lines, fmt.Sprintf("%s: %d of %d requests", server, study.Requests[i], study.Budget))
	}
	lines = append(lines, fmt.Sprintf("%s, %d lost on the way, %v", countNoun(study.Tries, "experiment"), study.Faults,
		time.Duration(study.Seconds*float64(time.Second)).Round(time.Second)))
	if resumed > 0 {
		lines = append(lines, fmt.Sprintf("went on with %s, which held %s", dir, countNoun(resumed, "request")))
	}
	if study.Stopped != "" {
		lines = append(lines, "it is not whole: "+study.Stopped)
	}
	lines = append(lines, "facts: "+describeGrades(study), describeCommands(study))
	lines = append(lines, describeUntested(study)...)
	if len(study.Servers) == 2 {
		lines = append(lines, differenceLines(study)...)
	}
	lines = append(lines, "the report is "+report)
	for _, line := range lines {
		if _, err := fmt.Fprintln(out.out, oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}

// describeCommands says how many commands worked.
func describeCommands(study *finding.Study) string {
	var others []string
	for _, command := range study.Commands {
		if !command.Works {
			others = append(others, command.Name)
		}
	}
	line := fmt.Sprintf("commands that work: %d of %d", len(study.Commands)-len(others), len(study.Commands))
	if len(others) > 0 {
		line += "; not " + strings.Join(others, ", ")
	}
	return line
}

// maxUntestedShown is the number of untested items that the output names.
const maxUntestedShown = 3

// describeUntested lists the first untested items.
func describeUntested(study *finding.Study) []string {
	lines := []string{"not tested: " + countNoun(len(study.Untested), "thing")}
	for _, gap := range study.Untested[:min(len(study.Untested), maxUntestedShown)] {
		line := "- " + gap.What + ": " + gap.Why
		if gap.Requests > 0 {
			line += fmt.Sprintf("; about %s more would", countNoun(gap.Requests, "request"))
		}
		lines = append(lines, line)
	}
	if more := len(study.Untested) - maxUntestedShown; more > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more, which the report names", more))
	}
	return lines
}

func describeGrades(study *finding.Study) string {
	counts := countGrades(study)
	var parts []string
	for _, grade := range finding.Grades() {
		if counts[grade] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[grade], grade))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// printPlan prints the plan of a study.
func (sf *studyFlags) printPlan(cmd *cobra.Command, options probe.Options) error {
	plan, err := probe.NewPlan(cmd.Context(), options)
	if err != nil {
		return err
	}
	if sf.asJSON {
		return printer{cmd.OutOrStdout(), true}.printJSON(plan)
	}
	return writePlan(cmd.OutOrStdout(), plan)
}

func writePlan(out io.Writer, plan *probe.Plan) error {
	fmt.Fprintf(out, "%s, at %s\n", oneLine(plan.Name), strings.Join(plan.Servers, " and "))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range planRows(plan) {
		fmt.Fprintf(table, "  %s\t%s\n", row[0], oneLine(row[1])) // errors show in Flush
	}
	fmt.Fprint(table, "\nPHASE\tREQUESTS\tTIME\tOF IT WAITS\tWHAT IT DOES\n")
	for _, phase := range plan.Phases {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", phase.Name, phase.Requests, formatSeconds(phase.Seconds),
			formatSeconds(phase.WaitSeconds), phase.Description)
	}
	fmt.Fprintf(table, "in all\t%d\t%s\t%s\tmore if the answers are interesting, up to the budget\n", plan.Requests,
		formatSeconds(plan.Seconds),
		formatSeconds(plan.WaitSeconds))
	return table.Flush()
}

func planRows(plan *probe.Plan) [][2]string {
	var accounts []string
	for _, player := range plan.Accounts {
		accounts = append(accounts, player.Role+" "+player.Account)
	}
	reset := map[string]string{"commands": "by commands that undo what was done",
		"pool": "with fresh accounts of the pool"}[plan.Reset]
	if reset == "" {
		reset = "by a POST to " + plan.Reset
	}
	clock := "real: a wait takes as long as it says"
	if plan.Clock != "real" {
		clock = "moved by a POST to " + plan.Clock
	}
	destructive := "none"
	if len(plan.Destructive) > 0 {
		destructive = strings.Join(plan.Destructive, ", ") + ", which the file does not allow: not sent"
		if plan.DestructiveAllowed {
			destructive = strings.Join(plan.Destructive, ", ") + ", which the file allows"
		}
	}
	hosts := "none but the server's own"
	if len(plan.Hosts) > 0 {
		hosts = strings.Join(plan.Hosts, ", ") + " (with --remote), and this machine"
	}
	rate := "no limit to the rate"
	if plan.Rate > 0 {
		rate = fmt.Sprintf("%g a second, fewer if the server slows", plan.Rate)
	}
	return [][2]string{
		{"accounts", strings.Join(accounts, ", ")},
		{"asks from", strings.Join(plan.Places, ", ")},
		{"begins anew", reset},
		{"time", clock},
		{"destructive", destructive},
		{"hosts", hosts},
		{"at most", fmt.Sprintf("%d requests to each server, %s", plan.Budget, rate)},
		{"at least", fmt.Sprintf("%d requests", plan.MinRequests)},
	}
}

func formatSeconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
