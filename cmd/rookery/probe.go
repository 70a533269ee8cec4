package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

func probeCommand() *cobra.Command {
	cmd := commandGroup(&cobra.Command{
		Use:   "probe",
		Short: "Study the protocol of a server by experiments",
		Long: `Study the protocol of an unknown server that speaks a variant of HTTP QQ, by
sending experiments and comparing the answers. An experiment file describes what
is known beforehand: accounts, one request for each command that is expected to
work, and how to reset the server between experiments.

Only servers on this machine are contacted, unless the file lists another host and
--remote is given. A study keeps to a budget of requests and to a rate. All
requests and answers are recorded in a transcript; every fact in the reports names
the transcript entries that support it.`,
		Example: `  rookery probe run http://127.0.0.1:8000/ --dry-run
  rookery probe run http://127.0.0.1:8000/
  rookery probe diff http://127.0.0.1:8000/ http://127.0.0.1:8001/
  rookery probe check http://127.0.0.1:8000/ --against probe-127.0.0.1-8000/protocol.json`,
	},
		probeRunCommand(), probeDiffCommand(), probeCheckCommand(), probeReplayCommand(), probeReportCommand(),
		probeFilesCommand(),
	)
	return cmd
}

func probeFilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "files [NAME]",
		Short: "List the built-in experiment files, or print one",
		Long: `List the experiment files that come with the program, or print the one that is
named. To study another server, save a printed file and edit it.`,
		Example: `  rookery probe files
  rookery probe files http-qq-1.1 >my-server.yaml`,
		Args:              cobra.MatchAll(atMostOneArg, checkShippedName),
		ValidArgsFunction: completeExperimentFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.Join(experiment.ShippedNames(), "\n"))
				return err
			}
			text, _ := experiment.ReadShipped(args[0])
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}

func completeExperimentFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return experiment.ShippedNames(), cobra.ShellCompDirectiveDefault // paths are allowed too
}

func checkShippedName(cmd *cobra.Command, args []string) error {
	for _, name := range args {
		if _, ok := experiment.ReadShipped(name); !ok {
			return usageErrorf(cmd, "there is no built-in file %q; use one of %s", name,
				strings.Join(experiment.ShippedNames(), ", "))
		}
	}
	return nil
}

func atMostOneArg(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageErrorf(cmd, "unexpected argument %q", args[1])
	}
	return nil
}

// probeFlags holds the flags of commands that send experiments to a server.
type probeFlags struct {
	file      string
	rate      float64
	maxTime   time.Duration
	remote    bool
	overrides journal.Overrides
	accounts  []string
	asJSON    bool
}

const defaultExperimentFile = "http-qq-1.1"

func (pf *probeFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&pf.file, "file", "f", defaultExperimentFile,
		"experiment `FILE`: a path, or the name of a built-in file")
	flags.Float64Var(&pf.rate, "rate", 0,
		"send at most `N` requests per second, 0 for no limit (default: as in the file)")
	flags.DurationVar(&pf.maxTime, "time", 0, "end after `TIME`, such as 10m (default: as in the file)")
	flags.BoolVar(&pf.remote, "remote", false, "also contact other machines, if the file lists them under allow: hosts")
	flags.StringVar(&pf.overrides.ResetURL, "reset", "", "`URL` or path whose POST resets a test server")
	flags.StringVar(&pf.overrides.ClockURL, "clock", "", "`URL` or path whose POST advances the clock of a test server")
	flags.StringArrayVar(&pf.accounts, "account", nil,
		"`ROLE=NUMBER`: use another account for a role than the file does; may be repeated")
	flags.StringSliceVar(&pf.overrides.Places, "places", nil,
		"send from these `ADDRESSES` of this machine, such as 127.0.0.1,127.0.0.2")
	flags.BoolVar(&pf.asJSON, "json", false, "print JSON")
	if err := cmd.RegisterFlagCompletionFunc("file", completeExperimentFiles); err != nil {
		panic(err) // fails only if the flag does not exist
	}
}

// loadExperiment reads the experiment file and applies the flags that override it.
func (pf *probeFlags) loadExperiment(cmd *cobra.Command) (*probe.LoadedExperiment, error) {
	if err := pf.parseOverrides(cmd); err != nil {
		return nil, err
	}
	experiment, err := probe.LoadExperiment(pf.file, pf.overrides, os.LookupEnv)
	if err == nil {
		pf.applyLimits(cmd, experiment)
	}
	return experiment, err
}

// parseOverrides checks the flags that override parts of an experiment file.
func (pf *probeFlags) parseOverrides(cmd *cobra.Command) error {
	for _, override := range pf.accounts {
		role, number, ok := strings.Cut(override, "=")
		if !ok || role == "" || number == "" {
			return usageErrorf(cmd, "--account %q is no ROLE=NUMBER, such as a=10001", override)
		}
		if pf.overrides.Accounts == nil {
			pf.overrides.Accounts = make(map[string]string)
		}
		pf.overrides.Accounts[role] = number
	}
	if !(pf.rate >= 0) {
		return usageErrorf(cmd, "--rate is %v, allowed is 0 and more", pf.rate)
	}
	if pf.maxTime < 0 {
		return usageErrorf(cmd, "--time is %v, allowed is 0 and more", pf.maxTime)
	}
	return nil
}

// applyLimits overrides the limits of the file with those of the flags.
func (pf *probeFlags) applyLimits(cmd *cobra.Command, experiment *probe.LoadedExperiment) {
	if cmd.Flags().Changed("rate") {
		experiment.File.Limits.RequestRate = pf.rate
	}
	if cmd.Flags().Changed("time") {
		experiment.File.Limits.TotalTime = pf.maxTime
	}
}

// studyFlags holds the flags of commands that run a study.
type studyFlags struct {
	probeFlags
	output string
	budget int
	seed   uint64
	dryRun bool
}

func (sf *studyFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&sf.output, "output", "o", "",
		"write the reports and the transcript into `DIR` (default: probe-HOST-PORT)")
	flags.IntVar(&sf.budget, "budget", 0, "send at most `N` requests to each server (default: as in the file)")
	flags.Uint64Var(&sf.seed, "seed", 1, "seed `N` of the random numbers")
	flags.BoolVar(&sf.dryRun, "dry-run", false, "print the plan with its costs, and send nothing")
	sf.probeFlags.addTo(cmd)
}

// newOptions returns the options for a study of the given servers.
func (sf *studyFlags) newOptions(cmd *cobra.Command, servers ...string) (options probe.Options, err error) {
	options.Experiment, err = sf.loadExperiment(cmd)
	if err != nil {
		return options, err
	}
	for _, text := range servers {
		server, err := serverURL(cmd, cmp.Or(text, options.Experiment.File.Server))
		if err != nil {
			return options, err
		}
		options.ServerURLs = append(options.ServerURLs, server)
	}
	options.Folder = cmp.Or(sf.output, defaultOutputDir(options.ServerURLs))
	options.RequestBudget = options.Experiment.File.Limits.Requests
	if cmd.Flags().Changed("budget") {
		options.RequestBudget = sf.budget
	}
	if options.RequestBudget < 1 {
		return options, usageErrorf(cmd, "--budget is %d, allowed is 1 and more", options.RequestBudget)
	}
	options.Seed, options.AllowRemote = sf.seed, sf.remote
	return options, nil
}

// serverURL returns the URL of a server. The scheme http:// may be missing in text.
func serverURL(cmd *cobra.Command, text string) (string, error) {
	if text == "" {
		return "", usageErrorf(cmd, "URL is missing, and the experiment file has no server")
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "":
		return "", usageErrorf(cmd, "%q is not the URL of a server, such as http://127.0.0.1:8000/", text)
	case parsed.Scheme != "http":
		return "", usageErrorf(cmd, "%q: only http:// servers can be studied", text)
	}
	if parsed.Path != "" && parsed.Path != "/" {
		return "", usageErrorf(cmd,
			"%q has a path; where requests go is what the experiment file says under syntax: path", text)
	}
	parsed.Path = "/"
	return parsed.String(), nil
}

var unsafeNameChars = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// defaultOutputDir returns the output directory of a study that names none.
func defaultOutputDir(servers []string) string {
	name := "probe"
	for _, server := range servers {
		if parsed, err := url.Parse(server); err == nil {
			name += "-" + strings.Trim(unsafeNameChars.ReplaceAllString(parsed.Host, "-"), "-")
		}
	}
	return name
}

// notPerformedError marks the error of a comparing command that could not compare. Its exit code is exitUsage (2),
// because 1 means for these commands that something differs.
type notPerformedError struct{ error }

func (e notPerformedError) Unwrap() error { return e.error }

// asNotPerformed wraps err in a notPerformedError, unless it is nil or reports a difference that was printed.
func asNotPerformed(err error) error {
	var reported *reportedError
	if err == nil || errors.As(err, &reported) {
		return err
	}
	return notPerformedError{err}
}

// runProber calls action, whose context ends at a signal, and shows on standard error the progress that action passes
// to report.
func runProber(cmd *cobra.Command, action func(ctx context.Context, report func(probe.StudyProgress)) error) error {
	ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
	defer cancel()
	probeProgress := newProbeProgress(cmd.ErrOrStderr())
	defer probeProgress.finish()
	return action(ctx, probeProgress.update)
}
