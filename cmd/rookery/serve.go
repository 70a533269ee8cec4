package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
	"github.com/rookery-im/rookery/internal/transport"
)

// defaultListen are the ports that the clients know: 8000 for HTTP, 14000 for
// those that speak 1.4.
var defaultListen = []string{"127.0.0.1:8000", "127.0.0.1:14000"}

// serveFlags are the flags of serve as they were given.
type serveFlags struct {
	data                       *string
	listen                     []string
	trustedProxies             []string
	publicURLs, origins        []string
	maxConnections, perAddress int
	requestMemory              int // MiB
	limitLoopback              bool
	recordsPerSecond           int
	timeouts                   timeouts
	retention                  int // days
	mailboxMessages            int
	mailboxSize                int // MiB
	perMinute                  int // messages of an account
	reserve                    int // MiB
	passwordMemory             int // MiB
	passwordPasses             int
	shutdown                   time.Duration
	logFormat, logLevel        string
	cpuProfile                 string
}

func serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it gets SIGTERM or SIGINT; then finish what was accepted,
refuse the rest, and end. A second signal ends it at once.

SIGHUP ends it in the same way if the terminal that it was started from has gone.
Otherwise it means a reload, and there is nothing to reload yet. With nohup it
never ends the server. If nobody reads the log any more, the server goes on.

Everything is kept in one data directory, which is made if there is none; one
server at a time runs on it. Logs go to standard error; lines to try the server
with go to standard output (not with --log-format json).`,
		Example: `  # data in the default directory, on 127.0.0.1:8000 and 127.0.0.1:14000
  rookery serve

  # for everybody, with the data elsewhere
  rookery serve --data /srv/rookery --listen :8000 --listen :14000

  # behind a proxy on the same machine, which people open as https://chat.example
  rookery serve --trusted-proxy 127.0.0.1 --public-url https://chat.example`,
		Args: takes(),
	}
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) }
	return cmd
}

func (f *serveFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	f.data = dataFlag(flags)
	flags.StringArrayVar(&f.listen, "listen", defaultListen, "listen on `ADDR`, host:port, and not on the default; may be given more than once")
	flags.StringArrayVar(&f.trustedProxies, "trusted-proxy", nil, "believe X-Forwarded-For, Forwarded and X-Real-IP from `CIDR`, a proxy's address or network; may be given more than once")
	flags.StringArrayVar(&f.publicURLs, "public-url", nil, "know `URL`, such as https://chat.example, as the server's own "+
		"address that people open; may be given more than once, links use the first. "+
		"IP addresses, localhost and this machine's name need no setting")
	flags.StringArrayVar(&f.origins, "allow-origin", nil, "let web pages of another origin `URL`, such as https://app.example, act for users; may be given more than once")
	flags.IntVar(&f.maxConnections, "max-connections", 50_000, "accept at most `N` connections in all; what they hold of unfinished requests is bounded by --max-request-memory")
	flags.IntVar(&f.perAddress, "max-connections-per-address", 1_000, "accept at most `N` connections from one address; trusted proxies and this machine are exempt")
	flags.IntVar(&f.requestMemory, "max-request-memory", 64, "hold at most `MIB` of requests that have not arrived whole, of all connections together; when it is used up, the one that began first is given up")
	flags.BoolVar(&f.limitLoopback, "limit-loopback", false, "let --max-connections-per-address bind clients on this machine too")
	flags.IntVar(&f.recordsPerSecond, "max-records-per-second", 0, "close a line or WebSocket that brings more than `N` records in one second; 0 is any number")
	for _, timeFlag := range f.times() {
		flags.DurationVar(timeFlag.value, timeFlag.flag, timeFlag.usual, timeFlag.usage)
	}
	flags.IntVar(&f.retention, "retention", int(service.DefaultRetention/(24*time.Hour)), "keep messages for `DAYS` after they were collected")
	flags.IntVar(&f.mailboxMessages, "max-mailbox-messages", service.DefaultMailboxMessages,
		"let at most `N` messages wait in one mailbox until they are collected")
	flags.IntVar(&f.mailboxSize, "max-mailbox-size", service.DefaultMailboxBytes>>20,
		"let at most `MIB` of texts wait in one mailbox")
	flags.IntVar(&f.perMinute, "max-messages-per-minute", 0,
		"let an account send at most `N` messages and friend requests in a minute; 0 is any number")
	flags.IntVar(&f.reserve, "disk-reserve", sqlite.DefaultReserveBytes>>20,
		"keep `MIB` of the disk for who collects messages; when it is needed, no messages are taken")
	flags.IntVar(&f.passwordMemory, "password-memory", int(service.MinPasswordCost.MemoryKiB/1024), "hash new passwords with `MIB` of memory (Argon2id)")
	flags.IntVar(&f.passwordPasses, "password-passes", int(service.MinPasswordCost.Passes), "and with `N` passes over it")
	flags.DurationVar(&f.shutdown, "shutdown-timeout", 10*time.Second, "in the end finish what was accepted for at most `TIME`; clients that send or read too slowly are cut off after a third of it, at most 2s")
	flags.StringVar(&f.logFormat, "log-format", "text", "log as `FORMAT`: text or json")
	flags.StringVar(&f.logLevel, "log-level", "info", "log from `LEVEL` on: debug, info, warn or error")
	flags.StringVar(&f.cpuProfile, "cpuprofile", "", "write a CPU profile to `FILE`")
	_ = flags.MarkHidden("cpuprofile") // fails for a flag that is not there
}

// timeFlag is a flag for how long connections are waited for.
type timeFlag struct {
	value *time.Duration
	flag  string
	usual time.Duration
	usage string
}

func (f *serveFlags) times() []timeFlag {
	return []timeFlag{
		{&f.timeouts.first, "first-byte-timeout", 10 * time.Second, "close a connection that says nothing for `TIME`, or takes longer for a request's header"},
		{&f.timeouts.record, "record-timeout", 20 * time.Second, "close a connection whose request body or line takes longer than `TIME` to arrive"},
		{&f.timeouts.write, "write-timeout", 20 * time.Second, "close a connection that takes no answers and no pushes for `TIME`"},
		{&f.timeouts.idle, "line-idle-timeout", 300 * time.Second, "close a line or WebSocket that brings no record for `TIME`"},
	}
}

func serve(cmd *cobra.Command, f serveFlags) error {
	config, err := f.config(cmd.ErrOrStderr())
	if err != nil {
		return usageErrorf(cmd, "%v", err)
	}
	stopProfile, err := profile(f.cpuProfile)
	if err != nil {
		return err
	}
	ctx, forget := untilSignal(cmd.Context(), config.log)
	defer forget()
	server, err := openServer(ctx, config)
	if err != nil {
		return errors.Join(err, stopProfile())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.run(ctx) })
	group.Go(func() error {
		stdout := cmd.OutOrStdout()
		if f.logFormat == "json" { // nobody reads along
			stdout = io.Discard
		}
		if err := server.greet(ctx, stdout, newInvocation(os.Args[0], *f.data)); err != nil && ctx.Err() == nil {
			config.log.Warn("cannot say how to try the server", "error", err)
		}
		return nil
	})
	return errors.Join(group.Wait(), stopProfile())
}

// config checks the flags and makes of them what a server needs.
func (f *serveFlags) config(stderr io.Writer) (c serverConfig, err error) {
	c = serverConfig{
		dir:      *f.data,
		listen:   f.listen,
		limits:   transport.Limits{Connections: f.maxConnections, ConnectionsPerAddress: f.perAddress, CountLoopback: f.limitLoopback, RequestMemory: f.requestMemory << 20},
		timeouts: f.timeouts,
		shutdown: f.shutdown,
		now:      now,

		recordsPerSecond: f.recordsPerSecond,
	}
	for _, bound := range []struct {
		name            string
		got, least, max int
	}{
		{"max-connections", f.maxConnections, 1, 10_000_000},
		{"max-connections-per-address", f.perAddress, 1, 10_000_000},
		{"max-request-memory", f.requestMemory, 1, 1 << 20},
		{"max-records-per-second", f.recordsPerSecond, 0, 10_000_000},
		{"retention", f.retention, 1, 36_500},
		{"max-mailbox-messages", f.mailboxMessages, 1, 1_000_000_000},
		{"max-messages-per-minute", f.perMinute, 0, 10_000_000},
		{"disk-reserve", f.reserve, 0, 1 << 20},
		{"max-mailbox-size", f.mailboxSize, 1, 1 << 20},
		{"password-memory", f.passwordMemory, int(service.MinPasswordCost.MemoryKiB / 1024), 4096},
		{"password-passes", f.passwordPasses, int(service.MinPasswordCost.Passes), 100},
	} {
		if bound.got < bound.least || bound.got > bound.max {
			return c, fmt.Errorf("--%s is %d, allowed is %d to %d", bound.name, bound.got, bound.least, bound.max)
		}
	}
	for _, timeFlag := range f.times() {
		if *timeFlag.value < time.Second {
			return c, fmt.Errorf("--%s is %v, allowed is 1s and more", timeFlag.flag, *timeFlag.value)
		}
	}
	c.retention = time.Duration(f.retention) * 24 * time.Hour
	c.mailbox = rookery.BacklogLimit{Messages: f.mailboxMessages, Bytes: int64(f.mailboxSize) << 20}
	c.perMinute, c.reserve = f.perMinute, int64(f.reserve)<<20
	c.passwords = service.MinPasswordCost
	c.passwords.MemoryKiB, c.passwords.Passes = uint32(f.passwordMemory)*1024, uint32(f.passwordPasses)
	for _, address := range f.listen {
		if err := checkListen(address); err != nil {
			return c, err
		}
	}
	for _, text := range f.trustedProxies {
		prefix, err := parseProxy(text)
		if err != nil {
			return c, err
		}
		c.trustedProxies = append(c.trustedProxies, prefix)
	}
	if c.publicURLs, err = parsePublicURLs(f.publicURLs); err != nil {
		return c, err
	}
	if c.origins, err = parseOrigins("allow-origin", f.origins); err != nil {
		return c, err
	}
	c.log, err = newLogger(stderr, f.logFormat, f.logLevel)
	return c, err
}

// checkListen reports what cannot be an address to listen on, before anything is
// opened.
func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--listen %q is not host:port, such as 127.0.0.1:8000, or :8000 for all networks", address)
	}
	return nil
}

// parseProxy reads a network, or one address.
func parseProxy(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("--trusted-proxy %q is neither an address such as 127.0.0.1 nor a network such as 10.0.0.0/8", text)
	}
	return prefix.Masked(), nil
}

// parseOrigins reads the values of a flag that names web origins.
func parseOrigins(flag string, texts []string) (origins []transport.Origin, err error) {
	for _, text := range texts {
		origin, err := transport.ParseOrigin(text)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

// parsePublicURLs reads addresses of the server, which are origins whose pages
// it can serve.
func parsePublicURLs(texts []string) ([]transport.Origin, error) {
	urls, err := parseOrigins("public-url", texts)
	for _, origin := range urls {
		if !origin.IsWeb() {
			return nil, fmt.Errorf("--public-url: %q begins with neither http:// nor https://", origin)
		}
	}
	return urls, err
}

func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q is none of debug, info, warn, error", level)
	}
	options.Level = l
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &options)), nil
	}
	return nil, fmt.Errorf("--log-format %q is neither text nor json", format)
}

// profile writes a CPU profile to a file, if one is named, until stop is
// called.
func profile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	w, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return w.Close()
	}, nil
}
