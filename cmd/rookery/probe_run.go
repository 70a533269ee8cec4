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
	c := &cobra.Command{
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
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(c, append(args, "")[0])
			if err != nil {
				return err
			}
			if f.dryRun {
				return f.plan(c, o)
			}
			r, err := makeStudy(c, o, probe.Run)
			if err != nil {
				return err
			}
			if err := f.print(c, o, r); err != nil {
				return err
			}
			return endedEarly(o, r)
		},
	}
	f.register(c)
	return c
}

// endedEarly is the error of a study that was not ended by its limits.
func endedEarly(o probe.Options, r *probe.Result) error {
	if !r.Interrupted && !r.Broken {
		return nil
	}
	return fmt.Errorf("%s: the report says what was found until then, and the same command goes on with %s", r.Stopped, o.Dir)
}

// makeStudy makes a study until it is done, or a signal ends it.
func makeStudy(c *cobra.Command, o probe.Options, study func(context.Context, probe.Options) (*probe.Result, error)) (r *probe.Result, err error) {
	p, err := probe.NewPlan(c.Context(), o)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(c.ErrOrStderr(), announcement(p))
	err = probing(c, func(ctx context.Context, tell func(probe.Progress)) error {
		o.Progress, o.Waits = tell, time.Duration(p.Waits*float64(time.Second))
		r, err = study(ctx, o)
		return err
	})
	return r, err
}

// announcement says what a study takes before it begins.
func announcement(p *probe.Plan) string {
	line := fmt.Sprintf("at most %d requests to each server, about %s", p.Budget, seconds(p.Most))
	if p.Waits > 0 {
		line += fmt.Sprintf(", of which %s is waiting for sessions to end", seconds(p.Waits))
	}
	switch {
	case p.Limit > 0 && p.Limit < p.Most:
		line += "; it ends after " + seconds(p.Limit)
	case p.Waits > 0:
		line += "; --time ends it sooner"
	}
	return line
}

// A summary is what a study has come to, for programs.
type summary struct {
	Name        string                `json:"name"`
	Servers     []string              `json:"servers"`
	Requests    []int                 `json:"requests"` // to each server
	Resumed     int                   `json:"resumed"`  // of them, those that an earlier call sent
	Tries       int                   `json:"tries"`
	Faults      int                   `json:"faults"`
	Seconds     float64               `json:"seconds"`
	Stopped     string                `json:"stopped,omitempty"`
	Facts       map[finding.Grade]int `json:"facts"`
	Untested    int                   `json:"untested"`
	Differences []finding.Difference  `json:"differences,omitempty"`
	Sightings   []finding.Difference  `json:"sightings,omitempty"` // differences that did not show again
	Report      string                `json:"report"`
}

func gradesOf(s *finding.Study) map[finding.Grade]int {
	counts := make(map[finding.Grade]int)
	for _, fact := range s.Facts {
		counts[fact.Grade]++
	}
	return counts
}

// print says what a study has come to.
func (f *studyFlags) print(c *cobra.Command, o probe.Options, r *probe.Result) error {
	return printStudy(printer{c.OutOrStdout(), f.json}, r.Study, r.Resumed, o.Dir)
}

func printStudy(out printer, s *finding.Study, resumed int, dir string) error {
	report := filepath.Join(dir, "report.html")
	if out.json {
		return out.object(summary{
			Name: s.Name, Servers: s.Servers, Requests: s.Requests, Resumed: resumed, Tries: s.Tries, Faults: s.Faults,
			Seconds: s.Seconds, Stopped: s.Stopped, Facts: gradesOf(s), Untested: len(s.Untested),
			Differences: s.Differences, Sightings: s.Sightings, Report: report,
		})
	}
	var lines []string
	for i, server := range s.Servers {
		lines = append(lines, fmt.Sprintf("%s: %d of %d requests", server, s.Requests[i], s.Budget))
	}
	lines = append(lines, fmt.Sprintf("%s, %d lost on the way, %v", count(s.Tries, "experiment"), s.Faults,
		time.Duration(s.Seconds*float64(time.Second)).Round(time.Second)))
	if resumed > 0 {
		lines = append(lines, fmt.Sprintf("went on with %s, which held %s", dir, count(resumed, "request")))
	}
	if s.Stopped != "" {
		lines = append(lines, "it is not whole: "+s.Stopped)
	}
	lines = append(lines, "facts: "+grades(s), reached(s))
	lines = append(lines, gaps(s)...)
	if len(s.Servers) == 2 {
		lines = append(lines, differenceLines(s)...)
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
func reached(s *finding.Study) string {
	var others []string
	for _, c := range s.Commands {
		if !c.Works {
			others = append(others, c.Name)
		}
	}
	line := fmt.Sprintf("commands that work: %d of %d", len(s.Commands)-len(others), len(s.Commands))
	if len(others) > 0 {
		line += "; not " + strings.Join(others, ", ")
	}
	return line
}

// gapsShown is how many of the things that were not tested are named.
const gapsShown = 3

// gaps name what was not tested: the first few.
func gaps(s *finding.Study) []string {
	lines := []string{"not tested: " + count(len(s.Untested), "thing")}
	for _, g := range s.Untested[:min(len(s.Untested), gapsShown)] {
		line := "- " + g.What + ": " + g.Why
		if g.Requests > 0 {
			line += fmt.Sprintf("; about %s more would", count(g.Requests, "request"))
		}
		lines = append(lines, line)
	}
	if more := len(s.Untested) - gapsShown; more > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more, which the report names", more))
	}
	return lines
}

func grades(s *finding.Study) string {
	counts := gradesOf(s)
	var parts []string
	for _, g := range finding.Grades() {
		if counts[g] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[g], g))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// plan prints what would be done.
func (f *studyFlags) plan(c *cobra.Command, o probe.Options) error {
	p, err := probe.NewPlan(c.Context(), o)
	if err != nil {
		return err
	}
	if f.json {
		return printer{c.OutOrStdout(), true}.object(p)
	}
	return writePlan(c.OutOrStdout(), p)
}

func writePlan(w io.Writer, p *probe.Plan) error {
	fmt.Fprintf(w, "%s, at %s\n", oneLine(p.Name), strings.Join(p.Servers, " and "))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range planRows(p) {
		fmt.Fprintf(t, "  %s\t%s\n", row[0], oneLine(row[1])) // errors show in Flush
	}
	fmt.Fprint(t, "\nPHASE\tREQUESTS\tTIME\tOF IT WAITS\tWHAT IT DOES\n")
	for _, phase := range p.Phases {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", phase.Name, phase.Requests, seconds(phase.Seconds), seconds(phase.Waits), phase.Does)
	}
	fmt.Fprintf(t, "in all\t%d\t%s\t%s\tmore if the answers are interesting, up to the budget\n", p.Requests, seconds(p.Seconds),
		seconds(p.Waits))
	return t.Flush()
}

func planRows(p *probe.Plan) [][2]string {
	var accounts []string
	for _, a := range p.Accounts {
		accounts = append(accounts, a.Role+" "+a.Account)
	}
	reset := map[string]string{"commands": "by commands that undo what was done", "pool": "with fresh accounts of the pool"}[p.Reset]
	if reset == "" {
		reset = "by a POST to " + p.Reset
	}
	clock := "real: a wait takes as long as it says"
	if p.Clock != "real" {
		clock = "moved by a POST to " + p.Clock
	}
	destructive := "none"
	if len(p.Destructive) > 0 {
		destructive = strings.Join(p.Destructive, ", ") + ", which the file does not allow: not sent"
		if p.Allowed {
			destructive = strings.Join(p.Destructive, ", ") + ", which the file allows"
		}
	}
	hosts := "none but the server's own"
	if len(p.Hosts) > 0 {
		hosts = strings.Join(p.Hosts, ", ") + " (with --remote), and this machine"
	}
	rate := "no limit to the rate"
	if p.Rate > 0 {
		rate = fmt.Sprintf("%g a second, fewer if the server slows", p.Rate)
	}
	return [][2]string{
		{"accounts", strings.Join(accounts, ", ")},
		{"asks from", strings.Join(p.Places, ", ")},
		{"begins anew", reset},
		{"time", clock},
		{"destructive", destructive},
		{"hosts", hosts},
		{"at most", fmt.Sprintf("%d requests to each server, %s", p.Budget, rate)},
		{"at least", fmt.Sprintf("%d requests", p.Least)},
	}
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
