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
	var f studyFlags
	cmd := &cobra.Command{
		Use:   "run [URL]",
		Short: "Study one server",
		Long: `Study a server and write what is found into a folder: report.html for people,
report.md, protocol.json for programs, model.dot with the state machines, and
transcript.jsonl with all that was sent and came back. Without a URL it is the
server of the experiment file.

Ctrl-C ends the study; the report then says what was found until then, and the exit
code is 1. The same command goes on where it was: what the transcript holds is not
asked again.

If the server cannot be reached or is of another kind, a password is wrong, or an
account is in use, nothing is written, and the exit code is 2.`,
		Example: `  rookery probe run http://127.0.0.1:8000/ --dry-run
  PROBE_A=secret1 PROBE_B=secret2 PROBE_STRANGER=secret3 rookery probe run http://127.0.0.1:8000/
  rookery probe run http://127.0.0.1:8000/ -f my-server.yaml -o study --budget 20000
  rookery probe run 127.0.0.1:8001 --reset /control/reset --clock /control/clock`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := f.options(cmd, append(args, "")[0])
			if err != nil {
				return err
			}
			if f.dryRun {
				return f.plan(cmd, options)
			}
			result, err := makeStudy(cmd, options, probe.Run)
			if err != nil {
				return err
			}
			if err := f.print(cmd, options, result); err != nil {
				return err
			}
			return endedEarly(options, result)
		},
	}
	f.register(cmd)
	return cmd
}

// endedEarly is the error of a study that was not ended by its limits.
func endedEarly(options probe.Options, result *probe.StudyResult) error {
	if !result.Interrupted && !result.ServerBroken {
		return nil
	}
	return fmt.Errorf("%s: the report says what was found until then, and the same command goes on with %s", result.Stopped, options.Folder)
}

// makeStudy makes a study until it is done, or a signal ends it.
func makeStudy(cmd *cobra.Command, options probe.Options, study func(context.Context, probe.Options) (*probe.StudyResult, error)) (result *probe.StudyResult, err error) {
	plan, err := probe.NewPlan(cmd.Context(), options)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), announcement(plan))
	err = probing(cmd, func(ctx context.Context, tell func(probe.StudyProgress)) error {
		options.OnProgress, options.PlannedWaits = tell, time.Duration(plan.WaitSeconds*float64(time.Second))
		result, err = study(ctx, options)
		return err
	})
	return result, err
}

// announcement says what a study takes before it begins.
func announcement(plan *probe.Plan) string {
	line := fmt.Sprintf("at most %d requests to each server, about %s", plan.Budget, seconds(plan.MaxSeconds))
	if plan.WaitSeconds > 0 {
		line += fmt.Sprintf(", of which %s is waiting for sessions to end", seconds(plan.WaitSeconds))
	}
	switch {
	case plan.TimeLimit > 0 && plan.TimeLimit < plan.MaxSeconds:
		line += "; it ends after " + seconds(plan.TimeLimit)
	case plan.WaitSeconds > 0:
		line += "; --time ends it sooner"
	}
	return line
}

// A summary is what a study has come to, for programs.
type summary struct {
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

func gradesOf(study *finding.Study) map[finding.Grade]int {
	counts := make(map[finding.Grade]int)
	for _, fact := range study.Facts {
		counts[fact.Grade]++
	}
	return counts
}

// print says what a study has come to.
func (f *studyFlags) print(cmd *cobra.Command, options probe.Options, result *probe.StudyResult) error {
	return printStudy(printer{cmd.OutOrStdout(), f.json}, result.Study, result.ResumedRequests, options.Folder)
}

func printStudy(out printer, study *finding.Study, resumed int, dir string) error {
	report := filepath.Join(dir, "report.html")
	if out.json {
		return out.object(summary{
			Name: study.Name, Servers: study.Servers, Requests: study.Requests, Resumed: resumed, Tries: study.Tries, Faults: study.Faults,
			Seconds: study.Seconds, Stopped: study.Stopped, Facts: gradesOf(study), Untested: len(study.Untested),
			Differences: study.Differences, Sightings: study.Sightings, Report: report,
		})
	}
	var lines []string
	for i, server := range study.Servers {
		lines = append(lines, fmt.Sprintf("%s: %d of %d requests", server, study.Requests[i], study.Budget))
	}
	lines = append(lines, fmt.Sprintf("%s, %d lost on the way, %v", count(study.Tries, "experiment"), study.Faults,
		time.Duration(study.Seconds*float64(time.Second)).Round(time.Second)))
	if resumed > 0 {
		lines = append(lines, fmt.Sprintf("went on with %s, which held %s", dir, count(resumed, "request")))
	}
	if study.Stopped != "" {
		lines = append(lines, "it is not whole: "+study.Stopped)
	}
	lines = append(lines, "facts: "+grades(study), reached(study))
	lines = append(lines, gaps(study)...)
	if len(study.Servers) == 2 {
		lines = append(lines, differenceLines(study)...)
	}
	lines = append(lines, "the report is "+report)
	for _, line := range lines {
		if _, err := fmt.Fprintln(out.w, oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}

// reached says how many commands did what they are for.
func reached(study *finding.Study) string {
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

// gapsShown is how many of the things that were not tested are named.
const gapsShown = 3

// gaps name what was not tested: the first few.
func gaps(study *finding.Study) []string {
	lines := []string{"not tested: " + count(len(study.Untested), "thing")}
	for _, gap := range study.Untested[:min(len(study.Untested), gapsShown)] {
		line := "- " + gap.What + ": " + gap.Why
		if gap.Requests > 0 {
			line += fmt.Sprintf("; about %s more would", count(gap.Requests, "request"))
		}
		lines = append(lines, line)
	}
	if more := len(study.Untested) - gapsShown; more > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more, which the report names", more))
	}
	return lines
}

func grades(study *finding.Study) string {
	counts := gradesOf(study)
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

// plan prints what would be done.
func (f *studyFlags) plan(cmd *cobra.Command, options probe.Options) error {
	plan, err := probe.NewPlan(cmd.Context(), options)
	if err != nil {
		return err
	}
	if f.json {
		return printer{cmd.OutOrStdout(), true}.object(plan)
	}
	return writePlan(cmd.OutOrStdout(), plan)
}

func writePlan(w io.Writer, plan *probe.Plan) error {
	fmt.Fprintf(w, "%s, at %s\n", oneLine(plan.Name), strings.Join(plan.Servers, " and "))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range planRows(plan) {
		fmt.Fprintf(t, "  %s\t%s\n", row[0], oneLine(row[1])) // errors show in Flush
	}
	fmt.Fprint(t, "\nPHASE\tREQUESTS\tTIME\tOF IT WAITS\tWHAT IT DOES\n")
	for _, phase := range plan.Phases {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", phase.Name, phase.Requests, seconds(phase.Seconds), seconds(phase.WaitSeconds), phase.Description)
	}
	fmt.Fprintf(t, "in all\t%d\t%s\t%s\tmore if the answers are interesting, up to the budget\n", plan.Requests, seconds(plan.Seconds),
		seconds(plan.WaitSeconds))
	return t.Flush()
}

func planRows(plan *probe.Plan) [][2]string {
	var accounts []string
	for _, player := range plan.Accounts {
		accounts = append(accounts, player.Role+" "+player.Account)
	}
	reset := map[string]string{"commands": "by commands that undo what was done", "pool": "with fresh accounts of the pool"}[plan.Reset]
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

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
