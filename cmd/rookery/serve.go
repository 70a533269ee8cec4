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
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
	"github.com/rookery-im/rookery/internal/transport"
)

// defaultListen are the addresses that old clients expect: port 8000 for HTTP, port 14000 for version 1.4.
var defaultListen = []string{"127.0.0.1:8000", "127.0.0.1:14000"}

// serveFlags holds the flags of serve as given on the command line.
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
	messagesPerMinute             int // limit per account
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
		Long: `Run the server until SIGTERM or SIGINT. It then finishes accepted requests,
refuses new ones, and ends. A second signal ends it at once.

SIGHUP also ends it if the terminal that started it is gone. Otherwise SIGHUP
requests a reload, which does nothing yet. With nohup, SIGHUP never ends the
server. If nobody reads the log any more, the server continues.

All data is in one data directory, which is created if necessary. Only one server
at a time can use it. Logs go to standard error. Commands to try the server go to
standard output (not with --log-format json).`,
		Example: `  # data in the default directory, on 127.0.0.1:8000 and 127.0.0.1:14000
  rookery serve

  # on all networks, with the data elsewhere
  rookery serve --data /srv/rookery --listen :8000 --listen :14000

  # behind a proxy on the same machine, reached as https://chat.example
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
	flags.StringArrayVar(&sf.listen, "listen", defaultListen,
		"listen on `ADDR`, host:port, instead of the default; may be repeated")
	flags.StringArrayVar(&sf.trustedProxies, "trusted-proxy", nil,
		"trust X-Forwarded-For, Forwarded and X-Real-IP from `CIDR`, a proxy's address or network; may be repeated")
	flags.StringArrayVar(&sf.publicURLs, "public-url", nil,
		"`URL`, such as https://chat.example, at which people open the server; "+
			"may be repeated, links use the first. "+
			"IP addresses, localhost and this machine's name need no setting")
	flags.StringArrayVar(&sf.allowedOrigins, "allow-origin", nil,
		"let web pages of the origin `URL`, such as https://app.example, act for users; may be repeated")
	flags.IntVar(&sf.maxConnections, "max-connections", 50_000,
		"accept at most `N` connections; --max-request-memory bounds their unfinished requests")
	flags.IntVar(&sf.maxPerAddress, "max-connections-per-address", 1_000,
		"accept at most `N` connections from one address; trusted proxies and this machine are exempt")
	flags.IntVar(&sf.requestMemoryMiB, "max-request-memory", 64,
		"hold at most `MIB` of incomplete requests of all connections; beyond that, drop the oldest one")
	flags.BoolVar(&sf.limitLoopback, "limit-loopback", false,
		"apply --max-connections-per-address to clients on this machine too")
	flags.IntVar(&sf.recordsPerSecond, "max-records-per-second", 0,
		"close a line or WebSocket that sends more than `N` records in one second; 0 is no limit")
	for _, timeFlag := range sf.timeoutFlags() {
		flags.DurationVar(timeFlag.value, timeFlag.name, timeFlag.defaultValue, timeFlag.usage)
	}
	flags.IntVar(&sf.retentionDays, "retention", int(service.DefaultRetention/(24*time.Hour)),
		"keep messages for `DAYS` after they were collected")
	flags.IntVar(&sf.mailboxMessages, "max-mailbox-messages", service.DefaultMailboxMessages,
		"keep at most `N` uncollected messages in one mailbox")
	flags.IntVar(&sf.mailboxMiB, "max-mailbox-size", service.DefaultMailboxBytes>>20,
		"keep at most `MIB` of uncollected texts in one mailbox")
	flags.IntVar(&sf.messagesPerMinute, "max-messages-per-minute", 0,
		"let an account send at most `N` messages and friend requests per minute; 0 is no limit")
	flags.IntVar(&sf.reserveMiB, "disk-reserve", sqlite.DefaultReserveBytes>>20,
		"reserve `MIB` of the disk for collecting messages; once the reserve is in use, no new messages are accepted")
	flags.IntVar(&sf.passwordMemoryMiB, "password-memory", int(auth.DefaultCost.MemoryKiB/1024),
		"hash new passwords with `MIB` of memory (Argon2id)")
	flags.IntVar(&sf.passwordPasses, "password-passes", int(auth.DefaultCost.Passes),
		"hash new passwords with `N` passes over the memory")
	flags.DurationVar(&sf.shutdownTimeout, "shutdown-timeout", 10*time.Second,
		"at shutdown, finish accepted requests for at most `TIME`; slow clients are cut off after a third of it, "+
			"at most 2s")
	flags.StringVar(&sf.logFormat, "log-format", "text", "log as `FORMAT`: text or json")
	flags.StringVar(&sf.logLevel, "log-level", "info", "log at `LEVEL` and above: debug, info, warn or error")
	flags.StringVar(&sf.cpuProfile, "cpuprofile", "", "write a CPU profile to `FILE`")
	_ = flags.MarkHidden("cpuprofile") // fails only if the flag does not exist
}

// timeFlag is a flag for a timeout of connections.
type timeFlag struct {
	value        *time.Duration
	name         string
	defaultValue time.Duration
	usage        string
}

func (sf *serveFlags) timeoutFlags() []timeFlag {
	return []timeFlag{
		{&sf.timeouts.firstByte, "first-byte-timeout", 10 * time.Second,
			"close a connection that sends nothing for `TIME`, or takes longer for a request's header"},
		{&sf.timeouts.record, "record-timeout", 20 * time.Second,
			"close a connection whose request body or line takes longer than `TIME` to arrive"},
		{&sf.timeouts.write, "write-timeout", 20 * time.Second,
			"close a connection that reads no answers and no pushes for `TIME`"},
		{&sf.timeouts.idle, "line-idle-timeout", 300 * time.Second,
			"close a line or WebSocket that sends no record for `TIME`"},
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
		if flags.logFormat == "json" { // standard output is not for people
			stdout = io.Discard
		}
		if err := server.printFirstSteps(ctx, stdout, newInvocation(os.Args[0], *flags.data)); err != nil &&
			ctx.Err() == nil {
			config.log.Warn("cannot say how to try the server", "error", err)
		}
		return nil
	})
	return errors.Join(group.Wait(), stopProfile())
}

// newConfig checks the flags and returns the server's configuration.
func (sf *serveFlags) newConfig(stderr io.Writer) (config serverConfig, err error) {
	config = serverConfig{
		dataDir:         *sf.data,
		listenAddresses: sf.listen,
		limits: transport.Limits{Connections: sf.maxConnections, ConnectionsPerAddress: sf.maxPerAddress,
			CountLoopback: sf.limitLoopback, RequestMemory: sf.requestMemoryMiB << 20},
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
		{"password-memory", sf.passwordMemoryMiB, int(auth.DefaultCost.MemoryKiB / 1024), 4096},
		{"password-passes", sf.passwordPasses, int(auth.DefaultCost.Passes), 100},
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
	config.passwordCost = auth.DefaultCost
	config.passwordCost.MemoryKiB, config.passwordCost.Passes = uint32(sf.passwordMemoryMiB)*1024,
		uint32(sf.passwordPasses)
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

// checkListenAddress reports an invalid listen address before anything is opened.
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

// parseProxy parses a network or a single address.
func parseProxy(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix,
			fmt.Errorf("--trusted-proxy %q is neither an address such as 127.0.0.1 nor a network such as 10.0.0.0/8",
				text)
	}
	return prefix.Masked(), nil
}

// parseOrigins parses the values of a flag for web origins.
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

// parsePublicURLs parses the server's own URLs, which must have the scheme http or https.
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

// startCPUProfile writes a CPU profile to file until stop is called. It does nothing if file is empty.
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
