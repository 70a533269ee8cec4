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

// replayFlags are the flags of probe replay.
type replayFlags struct {
	probeFlags
	serve  string
	run    string
	budget int
}

func probeReplayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay TRANSCRIPT [URL]",
		Short: "Make the experiments of a transcript again, or stand in for its server",
		Long: `Make the experiments of a transcript again, in their order and with fresh marks, and
show which answers are others now: the entry of the transcript, the steps that lead
to it, what came then and what came now. Fields that differed between equal
experiments of the transcript are not compared. Without a URL it is the server of the
transcript.

With --serve nothing is sent anywhere: it is the server of the transcript then, on an
address of this machine, and answers each request as the transcript does, until
Ctrl-C. It knows the control URLs of the experiment file.

The exit code is 0 if all answers are the same, 1 if one is another, and 2 if they
could not be compared, or not all.`,
		Example: `  rookery probe replay probe-127.0.0.1-8000/transcript.jsonl http://127.0.0.1:8001/
  rookery probe replay probe-127.0.0.1-8000 127.0.0.1:8001 --json
  rookery probe replay probe-127.0.0.1-8000 --serve 127.0.0.1:8002`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return takes("TRANSCRIPT", "URL")(c, args)
			}
			return takes("TRANSCRIPT")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			t, err := probe.ReadTranscript(args[0])
			if err != nil {
				return err
			}
			if f.serve != "" {
				if len(args) > 1 {
					return usageErrorf(c, "--serve sends nothing: leave out %q", args[1])
				}
				return f.playback(c, t)
			}
			return orNotMade(f.replay(c, t, append(args, "")[1]))
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.serve, "serve", "", "be the server of the transcript on `HOST:PORT`, and send nothing")
	flags.StringVar(&f.run, "server", "a", "`LETTER` of the server of a comparison, a or b")
	flags.IntVar(&f.budget, "budget", 0, "send at most `N` requests; otherwise a good many more than the transcript has")
	f.register(c)
	c.Flag("file").DefValue = "" // then it is the transcript's own
	f.file = ""
	return c
}

func (f *replayFlags) replay(c *cobra.Command, t *journal.Transcript, server string) error {
	o := probe.ReplayOptions{Transcript: t, Run: f.run, Requests: f.budget, Remote: f.remote}
	err := f.prepare(c)
	if err != nil {
		return err
	}
	if f.file == "" {
		o.Experiment, err = probe.TranscriptExperiment(t, f.changes, os.LookupEnv)
	} else {
		o.Experiment, err = probe.Load(f.file, f.changes, os.LookupEnv)
	}
	if err != nil {
		return err
	}
	f.limit(c, o.Experiment)
	if server == "" {
		server = t.Head.Servers[f.run]
	}
	if o.Server, err = serverURL(c, server); err != nil {
		return err
	}
	var r *probe.Replayed
	err = probing(c, func(ctx context.Context, tell func(probe.Progress)) error {
		o.Progress = tell
		r, err = probe.Replay(ctx, o)
		return err
	})
	if err != nil {
		return err
	}
	return f.print(c, r)
}

func (f *replayFlags) print(c *cobra.Command, r *probe.Replayed) error {
	out := printer{c.OutOrStdout(), f.json}
	for _, x := range r.Changed {
		err := out.say(x, "%s  %s\n  was %s\n  is  %s", x.ID, oneLine(strings.Join(x.Steps, "; ")), oneLine(x.Was), oneLine(x.Is))
		if err != nil {
			return err
		}
	}
	if !f.json {
		fmt.Fprintf(out.w, "%s, %s: %s compared, %d changed\n", count(r.Experiments, "experiment"), count(r.Requests, "request"),
			count(r.Answers, "answer"), len(r.Changed))
	}
	switch {
	case len(r.Changed) > 0:
		return &reportedError{errors.New("an answer is another")}
	case r.Stopped != "":
		return fmt.Errorf("not all experiments were made: %s", r.Stopped)
	}
	return nil
}

// playback answers in place of the transcript's server until a signal ends it.
func (f *replayFlags) playback(c *cobra.Command, t *journal.Transcript) error {
	s, err := probe.NewPlayback(t, f.run)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(f.serve)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageErrorf(c, "--serve %q is no address of this machine alone, such as 127.0.0.1:8002", f.serve)
	}
	l, err := net.Listen("tcp", f.serve)
	if err != nil {
		return fmt.Errorf("cannot serve on %s: %w; choose another address with --serve", f.serve, err)
	}
	return probing(c, func(ctx context.Context, _ func(probe.Progress)) error {
		fmt.Fprintf(c.OutOrStdout(), "serving the transcript on http://%s/\n", l.Addr())
		return s.Serve(ctx, l)
	})
}
