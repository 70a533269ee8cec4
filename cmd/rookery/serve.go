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
	data                          *string
	listen                        []string
	trustedProxies                []string
	publicURLs, allowedOrigins    []string
	maxConnections, maxPerAddress int
	requestMemoryMiB              int // MiB
	limitLoopback                 bool
	recordsPerSecond              int
	timeouts                      connTimeouts
	retentionDays                 int // days
	mailboxMessages               int
	mailboxMiB                    int // MiB
	messagesPerMinute             int // messages of an account
	reserveMiB                    int // MiB
	passwordMemoryMiB             int // MiB
	passwordPasses                int
	shutdownTimeout               time.Duration
	logFormat, logLevel           string
	cpuProfile                    string
}

func serveCommand() *cobra.Command {
	var flags serveFlags
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
		Args: exactArgs(),
	}
	flags.addTo(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runServer(cmd, flags) }
	return cmd
}

func (sf *serveFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	sf.data = addDataFlag(flags)
	flags.StringArrayVar(&sf.listen, "listen", defaultListen, "listen on `ADDR`, host:port, and not on the default; may be given more than once")
	flags.StringArrayVar(&sf.trustedProxies, "trusted-proxy", nil, "believe X-Forwarded-For, Forwarded and X-Real-IP from `CIDR`, a proxy's address or network; may be given more than once")
	flags.StringArrayVar(&sf.publicURLs, "public-url", nil, "know `URL`, such as https://chat.example, as the server's own "+
		"address that people open; may be given more than once, links use the first. "+
		"IP addresses, localhost and this machine's name need no setting")
	flags.StringArrayVar(&sf.allowedOrigins, "allow-origin", nil, "let web pages of another origin `URL`, such as https://app.example, act for users; may be given more than once")
	flags.IntVar(&sf.maxConnections, "max-connections", 50_000, "accept at most `N` connections in all; what they hold of unfinished requests is bounded by --max-request-memory")
	flags.IntVar(&sf.maxPerAddress, "max-connections-per-address", 1_000, "accept at most `N` connections from one address; trusted proxies and this machine are exempt")
	flags.IntVar(&sf.requestMemoryMiB, "max-request-memory", 64, "hold at most `MIB` of requests that have not arrived whole, of all connections together; when it is used up, the one that began first is given up")
	flags.BoolVar(&sf.limitLoopback, "limit-loopback", false, "let --max-connections-per-address bind clients on this machine too")
	flags.IntVar(&sf.recordsPerSecond, "max-records-per-second", 0, "close a line or WebSocket that brings more than `N` records in one second; 0 is any number")
	for _, timeFlag := range sf.timeoutFlags() {
		flags.DurationVar(timeFlag.value, timeFlag.name, timeFlag.defaultValue, timeFlag.usage)
	}
	flags.IntVar(&sf.retentionDays, "retention", int(service.DefaultRetention/(24*time.Hour)), "keep messages for `DAYS` after they were collected")
	flags.IntVar(&sf.mailboxMessages, "max-mailbox-messages", service.DefaultMailboxMessages,
		"let at most `N` messages wait in one mailbox until they are collected")
	flags.IntVar(&sf.mailboxMiB, "max-mailbox-size", service.DefaultMailboxBytes>>20,
		"let at most `MIB` of texts wait in one mailbox")
	flags.IntVar(&sf.messagesPerMinute, "max-messages-per-minute", 0,
		"let an account send at most `N` messages and friend requests in a minute; 0 is any number")
	flags.IntVar(&sf.reserveMiB, "disk-reserve", sqlite.DefaultReserveBytes>>20,
		"keep `MIB` of the disk for who collects messages; when it is needed, no messages are taken")
	flags.IntVar(&sf.passwordMemoryMiB, "password-memory", int(service.MinPasswordCost.MemoryKiB/1024), "hash new passwords with `MIB` of memory (Argon2id)")
	flags.IntVar(&sf.passwordPasses, "password-passes", int(service.MinPasswordCost.Passes), "and with `N` passes over it")
	flags.DurationVar(&sf.shutdownTimeout, "shutdown-timeout", 10*time.Second, "in the end finish what was accepted for at most `TIME`; clients that send or read too slowly are cut off after a third of it, at most 2s")
	flags.StringVar(&sf.logFormat, "log-format", "text", "log as `FORMAT`: text or json")
	flags.StringVar(&sf.logLevel, "log-level", "info", "log from `LEVEL` on: debug, info, warn or error")
	flags.StringVar(&sf.cpuProfile, "cpuprofile", "", "write a CPU profile to `FILE`")
	_ = flags.MarkHidden("cpuprofile") // fails for a flag that is not there
}

// timeFlag is a flag for how long connections are waited for.
type timeFlag struct {
	value        *time.Duration
	name         string
	defaultValue time.Duration
	usage        string
}

func (sf *serveFlags) timeoutFlags() []timeFlag {
	return []timeFlag{
		{&sf.timeouts.firstByte, "first-byte-timeout", 10 * time.Second, "close a connection that says nothing for `TIME`, or takes longer for a request's header"},
		{&sf.timeouts.record, "record-timeout", 20 * time.Second, "close a connection whose request body or line takes longer than `TIME` to arrive"},
		{&sf.timeouts.write, "write-timeout", 20 * time.Second, "close a connection that takes no answers and no pushes for `TIME`"},
		{&sf.timeouts.idle, "line-idle-timeout", 300 * time.Second, "close a line or WebSocket that brings no record for `TIME`"},
	}
}

func runServer(cmd *cobra.Command, flags serveFlags) error {
	config, err := flags.newConfig(cmd.ErrOrStderr())
	if err != nil {
		return usageErrorf(cmd, "%v", err)
	}
	stopProfile, err := startCPUProfile(flags.cpuProfile)
	if err != nil {
		return err
	}
	ctx, cancel := contextUntilSignal(cmd.Context(), config.log)
	defer cancel()
	server, err := openServer(ctx, config)
	if err != nil {
		return errors.Join(err, stopProfile())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.run(ctx) })
	group.Go(func() error {
		stdout := cmd.OutOrStdout()
		if flags.logFormat == "json" { // nobody reads along
			stdout = io.Discard
		}
		if err := server.printFirstSteps(ctx, stdout, newInvocation(os.Args[0], *flags.data)); err != nil && ctx.Err() == nil {
			config.log.Warn("cannot say how to try the server", "error", err)
		}
		return nil
	})
	return errors.Join(group.Wait(), stopProfile())
}

// newConfig checks the flags and makes of them what a server needs.
func (sf *serveFlags) newConfig(stderr io.Writer) (config serverConfig, err error) {
	config = serverConfig{
		dataDir:         *sf.data,
		listenAddresses: sf.listen,
		limits:          transport.Limits{Connections: sf.maxConnections, ConnectionsPerAddress: sf.maxPerAddress, CountLoopback: sf.limitLoopback, RequestMemory: sf.requestMemoryMiB << 20},
		timeouts:        sf.timeouts,
		shutdownTimeout: sf.shutdownTimeout,
		now:             now,

		recordsPerSecond: sf.recordsPerSecond,
	}
	for _, bound := range []struct {
		name            string
		got, least, max int
	}{
		{"max-connections", sf.maxConnections, 1, 10_000_000},
		{"max-connections-per-address", sf.maxPerAddress, 1, 10_000_000},
		{"max-request-memory", sf.requestMemoryMiB, 1, 1 << 20},
		{"max-records-per-second", sf.recordsPerSecond, 0, 10_000_000},
		{"retention", sf.retentionDays, 1, 36_500},
		{"max-mailbox-messages", sf.mailboxMessages, 1, 1_000_000_000},
		{"max-messages-per-minute", sf.messagesPerMinute, 0, 10_000_000},
		{"disk-reserve", sf.reserveMiB, 0, 1 << 20},
		{"max-mailbox-size", sf.mailboxMiB, 1, 1 << 20},
		{"password-memory", sf.passwordMemoryMiB, int(service.MinPasswordCost.MemoryKiB / 1024), 4096},
		{"password-passes", sf.passwordPasses, int(service.MinPasswordCost.Passes), 100},
	} {
		if bound.got < bound.least || bound.got > bound.max {
			return config, fmt.Errorf("--%s is %d, allowed is %d to %d", bound.name, bound.got, bound.least, bound.max)
		}
	}
	for _, timeFlag := range sf.timeoutFlags() {
		if *timeFlag.value < time.Second {
			return config, fmt.Errorf("--%s is %v, allowed is 1s and more", timeFlag.name, *timeFlag.value)
		}
	}
	config.retention = time.Duration(sf.retentionDays) * 24 * time.Hour
	config.backlogLimit = rookery.BacklogLimit{Messages: sf.mailboxMessages, Bytes: int64(sf.mailboxMiB) << 20}
	config.messagesPerMinute, config.reserveBytes = sf.messagesPerMinute, int64(sf.reserveMiB)<<20
	config.passwordCost = service.MinPasswordCost
	config.passwordCost.MemoryKiB, config.passwordCost.Passes = uint32(sf.passwordMemoryMiB)*1024, uint32(sf.passwordPasses)
	for _, address := range sf.listen {
		if err := checkListenAddress(address); err != nil {
			return config, err
		}
	}
	for _, text := range sf.trustedProxies {
		prefix, err := parseProxy(text)
		if err != nil {
			return config, err
		}
		config.trustedProxies = append(config.trustedProxies, prefix)
	}
	if config.publicURLs, err = parsePublicURLs(sf.publicURLs); err != nil {
		return config, err
	}
	if config.allowedOrigins, err = parseOrigins("allow-origin", sf.allowedOrigins); err != nil {
		return config, err
	}
	config.log, err = newLogger(stderr, sf.logFormat, sf.logLevel)
	return config, err
}

// checkListenAddress reports what cannot be an address to listen on, before anything is
// opened.
func checkListenAddress(address string) error {
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

func newLogger(out io.Writer, format, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q is none of debug, info, warn, error", level)
	}
	options.Level = l
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(out, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(out, &options)), nil
	}
	return nil, fmt.Errorf("--log-format %q is neither text nor json", format)
}

// startCPUProfile writes a CPU profile to a file, if one is named, until stop is
// called.
func startCPUProfile(file string) (stop func() error, err error) {
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
