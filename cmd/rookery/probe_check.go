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

// checkFlags holds the flags of probe check.
type checkFlags struct {
	probeFlags
	factsFile   string
	junitFile   string
	onlyFactIDs []string
	budget      int
}

func probeCheckCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [URL]",
		Short: "Check recorded facts on a server",
		Long: `Repeat the experiments behind the facts of a protocol.json, and report which facts
hold. A fact that fails is tried up to three times. Contested facts, and facts that
no single experiment shows, are skipped.

Without --file the experiment file is that of the study, which protocol.json
contains.

The exit code is 0 if all tried facts hold, 1 if one does not, and 2 if not all
could be tried.`,
		Example: `  rookery probe check http://127.0.0.1:8000/ --against probe-127.0.0.1-8000/protocol.json
  rookery probe check 127.0.0.1:8000 --against protocol.json --junit check.xml
  rookery probe check 127.0.0.1:8000 --against protocol.json --only 'List/*'`,
		Args: atMostOneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.factsFile == "" {
				return usageErrorf(cmd, "--against is missing")
			}
			return asNotPerformed(f.check(cmd, append(args, "")[0]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.factsFile, "against", "", "protocol.json `FILE` with the facts")
	flags.StringVar(&f.junitFile, "junit", "", "write the results as JUnit XML to `FILE`")
	flags.StringArrayVar(&f.onlyFactIDs, "only", nil,
		"check only the fact with this `ID`, or with a trailing star all IDs that begin with it; may be repeated")
	flags.IntVar(&f.budget, "budget", 0, "send at most `N` requests (default: as in the file or the study)")
	f.addTo(cmd)
	cmd.Flag("file").DefValue = "" // by default the study's own file is used
	f.file = ""
	return cmd
}

func (cf *checkFlags) check(cmd *cobra.Command, server string) error {
	checkOptions, err := cf.newOptions(cmd, server)
	if err != nil {
		return err
	}
	var checked *probe.CheckSummary
	err = runProber(cmd, func(ctx context.Context, report func(probe.StudyProgress)) error {
		checkOptions.OnProgress = report
		checked, err = probe.Check(ctx, checkOptions)
		return err
	})
	if err != nil {
		return err
	}
	if err := cf.printResults(cmd, checked); err != nil {
		return err
	}
	switch {
	case checked.CountFailed() > 0:
		return &reportedError{errors.New("a fact does not hold")}
	case checked.StopReason != "":
		return fmt.Errorf("not all facts were tried: %s", checked.StopReason)
	}
	return nil
}

func (cf *checkFlags) newOptions(cmd *cobra.Command, server string) (checkOptions probe.CheckOptions, err error) {
	if checkOptions.RecordedStudy, err = readFacts(cf.factsFile); err != nil {
		return checkOptions, err
	}
	if err := cf.parseOverrides(cmd); err != nil {
		return checkOptions, err
	}
	if cf.file == "" {
		checkOptions.Experiment, err = probe.ExperimentOfStudy(checkOptions.RecordedStudy, cf.overrides, os.LookupEnv)
	} else {
		checkOptions.Experiment, err = probe.LoadExperiment(cf.file, cf.overrides, os.LookupEnv)
	}
	if err != nil {
		return checkOptions, err
	}
	cf.applyLimits(cmd, checkOptions.Experiment)
	if server == "" && len(checkOptions.RecordedStudy.Servers) > 0 {
		server = checkOptions.RecordedStudy.Servers[0]
	}
	if checkOptions.ServerURL, err = serverURL(cmd, server); err != nil {
		return checkOptions, err
	}
	checkOptions.FactIDs, checkOptions.RequestBudget, checkOptions.AllowRemote = cf.onlyFactIDs, cf.budget, cf.remote
	return checkOptions, nil
}

// readFacts reads a protocol.json, in which a study recorded its facts.
func readFacts(path string) (*finding.Study, error) {
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s; rookery probe run writes a protocol.json", path)
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	study, err := report.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return study, nil
}

// checkedFact is the JSON form of the result for one fact.
type checkedFact struct {
	ID        string         `json:"id"`
	Statement string         `json:"statement"`
	Aspect    finding.Aspect `json:"aspect"`
	Outcome   string         `json:"outcome"` // holds, fails or skipped
	Message   string         `json:"message,omitempty"`
}

func (cf *checkFlags) printResults(cmd *cobra.Command, checked *probe.CheckSummary) error {
	if cf.junitFile != "" {
		if err := cf.writeJUnit(checked); err != nil {
			return err
		}
	}
	out := printer{cmd.OutOrStdout(), cf.asJSON}
	for _, checkResult := range checked.Results {
		outcome := "holds"
		switch {
		case checkResult.Skipped:
			outcome = "skipped"
		case !checkResult.Passed:
			outcome = "fails"
		}
		if !cf.asJSON && outcome != "fails" {
			continue
		}
		err := out.print(checkedFact{checkResult.Fact.ID, checkResult.Fact.Statement, checkResult.Fact.Aspect, outcome,
			checkResult.Message},
			"fails: %s\n  %s\n  %s", oneLine(checkResult.Fact.ID), oneLine(checkResult.Fact.Statement),
			oneLine(checkResult.Message))
		if err != nil {
			return err
		}
	}
	if cf.asJSON {
		return nil
	}
	held := len(checked.Results) - checked.CountFailed() - checked.CountSkipped()
	_, err := fmt.Fprintf(out.out, "%s: %d hold, %d do not, %d not tried\n", countNoun(len(checked.Results), "fact"),
		held, checked.CountFailed(), checked.CountSkipped())
	return err
}

func (cf *checkFlags) writeJUnit(checked *probe.CheckSummary) error {
	out, err := os.Create(cf.junitFile)
	if err != nil {
		return err
	}
	return errors.Join(report.JUnit(out, checked.Results), out.Close())
}
