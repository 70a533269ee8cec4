package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// replayFlags holds the flags of probe replay.
type replayFlags struct {
	probeFlags
	serveAddress string
	serverLetter string
	budget       int
}

func probeReplayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay TRANSCRIPT [URL]",
		Short: "Repeat the experiments of a transcript, or play its server",
		Long: `Repeat the experiments of a transcript in order, with fresh SEQs, and report which
answers changed: the transcript entry, the steps that lead to it, the old answer
and the new one. Fields that differed between equal experiments of the transcript
are not compared. Without a URL the transcript's server is used.

With --serve nothing is sent: the command takes the place of the transcript's
server on a local address, and answers each request as the transcript does, until
Ctrl-C. It supports the control URLs of the experiment file.

The exit code is 0 if all answers are the same, 1 if one changed, and 2 if not all
could be compared.`,
		Example: `  rookery probe replay probe-127.0.0.1-8000/transcript.jsonl http://127.0.0.1:8001/
  rookery probe replay probe-127.0.0.1-8000 127.0.0.1:8001 --json
  rookery probe replay probe-127.0.0.1-8000 --serve 127.0.0.1:8002`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactArgs("TRANSCRIPT", "URL")(cmd, args)
			}
			return exactArgs("TRANSCRIPT")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			transcript, err := probe.ReadTranscript(args[0])
			if err != nil {
				return err
			}
			if f.serveAddress != "" {
				if len(args) > 1 {
					return usageErrorf(cmd, "--serve sends nothing: leave out %q", args[1])
				}
				return f.playback(cmd, transcript)
			}
			return asNotPerformed(f.replay(cmd, transcript, append(args, "")[1]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.serveAddress, "serve", "", "play the transcript's server on `HOST:PORT`, and send nothing")
	flags.StringVar(&f.serverLetter, "server", "a", "`LETTER` of the server in a comparison, a or b")
	flags.IntVar(&f.budget, "budget", 0, "send at most `N` requests (default: well above the number in the transcript)")
	f.addTo(cmd)
	cmd.Flag("file").DefValue = "" // by default the transcript's own file is used
	f.file = ""
	return cmd
}

func (rf *replayFlags) replay(cmd *cobra.Command, transcript *journal.Transcript, server string) error {
	replayOptions := probe.ReplayOptions{Transcript: transcript, ServerName: rf.serverLetter, RequestBudget: rf.budget,
		AllowRemote: rf.remote}
	err := rf.parseOverrides(cmd)
	if err != nil {
		return err
	}
	if rf.file == "" {
		replayOptions.Experiment, err = probe.ExperimentOfTranscript(transcript, rf.overrides, os.LookupEnv)
	} else {
		replayOptions.Experiment, err = probe.LoadExperiment(rf.file, rf.overrides, os.LookupEnv)
	}
	if err != nil {
		return err
	}
	rf.applyLimits(cmd, replayOptions.Experiment)
	if server == "" {
		server = transcript.Head.ServerURLs[rf.serverLetter]
	}
	if replayOptions.ServerURL, err = serverURL(cmd, server); err != nil {
		return err
	}
	var replayed *probe.ReplayResult
	err = runProber(cmd, func(ctx context.Context, report func(probe.StudyProgress)) error {
		replayOptions.OnProgress = report
		replayed, err = probe.Replay(ctx, replayOptions)
		return err
	})
	if err != nil {
		return err
	}
	return rf.printResults(cmd, replayed)
}

func (rf *replayFlags) printResults(cmd *cobra.Command, replayed *probe.ReplayResult) error {
	out := printer{cmd.OutOrStdout(), rf.asJSON}
	for _, changed := range replayed.ChangedAnswers {
		err := out.print(changed, "%s  %s\n  was %s\n  is  %s", changed.EntryID,
			oneLine(strings.Join(changed.Steps, "; ")), oneLine(changed.Before), oneLine(changed.After))
		if err != nil {
			return err
		}
	}
	if !rf.asJSON {
		fmt.Fprintf(out.out, "%s, %s: %s compared, %d changed\n", countNoun(replayed.Experiments, "experiment"),
			countNoun(replayed.Requests, "request"),
			countNoun(replayed.Answers, "answer"), len(replayed.ChangedAnswers))
	}
	switch {
	case len(replayed.ChangedAnswers) > 0:
		return &reportedError{errors.New("an answer changed")}
	case replayed.StopReason != "":
		return fmt.Errorf("not all experiments were made: %s", replayed.StopReason)
	}
	return nil
}

// playback runs a server that answers as the transcript's server did, until a signal arrives.
func (rf *replayFlags) playback(cmd *cobra.Command, transcript *journal.Transcript) error {
	playback, err := probe.NewPlayback(transcript, rf.serverLetter)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(rf.serveAddress)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageErrorf(cmd, "--serve %q is not a loopback address such as 127.0.0.1:8002", rf.serveAddress)
	}
	listener, err := net.Listen("tcp", rf.serveAddress)
	if err != nil {
		return fmt.Errorf("cannot serve on %s: %w; choose another address with --serve", rf.serveAddress, err)
	}
	return runProber(cmd, func(ctx context.Context, _ func(probe.StudyProgress)) error {
		fmt.Fprintf(cmd.OutOrStdout(), "serving the transcript on http://%s/\n", listener.Addr())
		return playback.Serve(ctx, listener)
	})
}
