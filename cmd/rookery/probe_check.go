package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/report"
)

// checkFlags are the flags of probe check.
type checkFlags struct {
	probeFlags
	against string
	junit   string
	only    []string
	budget  int
}

func probeCheckCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [URL]",
		Short: "Try recorded facts on a server",
		Long: `Make the experiments that the facts of a protocol.json rest on again, and say which
facts hold. A fact that does not hold at first is tried up to three times. Facts that
are contested, or that no single experiment shows, are passed over.

Without --file the experiment file is the one of the study, which protocol.json
holds.

The exit code is 0 if all facts that were tried hold, 1 if one does not, and 2 if they
could not be tried, or not all.`,
		Example: `  rookery probe check http://127.0.0.1:8000/ --against probe-127.0.0.1-8000/protocol.json
  rookery probe check 127.0.0.1:8000 --against protocol.json --junit check.xml
  rookery probe check 127.0.0.1:8000 --against protocol.json --only 'List/*'`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if f.against == "" {
				return usageErrorf(c, "--against is missing")
			}
			return orNotMade(f.check(c, append(args, "")[0]))
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.against, "against", "", "`FILE` with the facts, a protocol.json")
	flags.StringVar(&f.junit, "junit", "", "write the results as JUnit XML to `FILE`")
	flags.StringArrayVar(&f.only, "only", nil, "try only the fact of this `ID`, or, with a star at its end, all that begin so; may be repeated")
	flags.IntVar(&f.budget, "budget", 0, "send at most `N` requests; otherwise as many as the file or the study had")
	f.register(c)
	c.Flag("file").DefValue = "" // then it is the study's own
	f.file = ""
	return c
}

func (f *checkFlags) check(c *cobra.Command, server string) error {
	o, err := f.options(c, server)
	if err != nil {
		return err
	}
	var r *probe.Checked
	err = probing(c, func(ctx context.Context, tell func(probe.Progress)) error {
		o.Progress = tell
		r, err = probe.Check(ctx, o)
		return err
	})
	if err != nil {
		return err
	}
	if err := f.print(c, r); err != nil {
		return err
	}
	switch {
	case r.Failed() > 0:
		return &reportedError{errors.New("a fact does not hold")}
	case r.Stopped != "":
		return fmt.Errorf("not all facts were tried: %s", r.Stopped)
	}
	return nil
}

func (f *checkFlags) options(c *cobra.Command, server string) (o probe.CheckOptions, err error) {
	if o.Against, err = readFacts(f.against); err != nil {
		return o, err
	}
	if err := f.prepare(c); err != nil {
		return o, err
	}
	if f.file == "" {
		o.Experiment, err = probe.StudyExperiment(o.Against, f.changes, os.LookupEnv)
	} else {
		o.Experiment, err = probe.Load(f.file, f.changes, os.LookupEnv)
	}
	if err != nil {
		return o, err
	}
	f.limit(c, o.Experiment)
	if server == "" && len(o.Against.Servers) > 0 {
		server = o.Against.Servers[0]
	}
	if o.Server, err = serverURL(c, server); err != nil {
		return o, err
	}
	o.Only, o.Requests, o.Remote = f.only, f.budget, f.remote
	return o, nil
}

func readFacts(path string) (*finding.Study, error) {
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s; rookery probe run writes a protocol.json", path)
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	s, err := report.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// checkedFact is what has become of a fact, for programs.
type checkedFact struct {
	ID        string         `json:"id"`
	Statement string         `json:"statement"`
	Aspect    finding.Aspect `json:"aspect"`
	Outcome   string         `json:"outcome"` // holds, fails or skipped
	Message   string         `json:"message,omitempty"`
}

func (f *checkFlags) print(c *cobra.Command, r *probe.Checked) error {
	if f.junit != "" {
		if err := f.writeJUnit(r); err != nil {
			return err
		}
	}
	out := printer{c.OutOrStdout(), f.json}
	for _, x := range r.Results {
		outcome := "holds"
		switch {
		case x.Skipped:
			outcome = "skipped"
		case !x.Passed:
			outcome = "fails"
		}
		if !f.json && outcome != "fails" {
			continue
		}
		err := out.say(checkedFact{x.Fact.ID, x.Fact.Statement, x.Fact.Aspect, outcome, x.Message},
			"fails: %s\n  %s\n  %s", oneLine(x.Fact.ID), oneLine(x.Fact.Statement), oneLine(x.Message))
		if err != nil {
			return err
		}
	}
	if f.json {
		return nil
	}
	held := len(r.Results) - r.Failed() - r.Skipped()
	_, err := fmt.Fprintf(out.w, "%s: %d hold, %d do not, %d not tried\n", count(len(r.Results), "fact"), held, r.Failed(), r.Skipped())
	return err
}

func (f *checkFlags) writeJUnit(r *probe.Checked) error {
	out, err := os.Create(f.junit)
	if err != nil {
		return err
	}
	return errors.Join(report.JUnit(out, r.Results), out.Close())
}
