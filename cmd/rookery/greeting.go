package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/rookery-im/rookery"
)

// samplePassword is the password in the commands for the first start. It is public, so the server warns as long
// as an account uses it.
const samplePassword = "change-this"

// sampleAccounts are the accounts that the commands for the first start add.
var sampleAccounts = []struct {
	uin  rookery.UIN
	nick string
}{
	{rookery.FirstUIN, "first"},
	{rookery.FirstUIN + 1, "second"},
}

// invocation records how this program was started, so that the printed commands start it the same way.
type invocation struct {
	program string
	dataDir string // the data directory, if it is not the default
}

// goRunPattern matches the paths of programs started by go run: a temporary directory or the build cache.
var goRunPattern = regexp.MustCompile(`/go-build\d+/|/[0-9a-f]{64}-d/`)

func newInvocation(arg0, data string) invocation {
	inv := invocation{program: shellQuote(arg0)}
	if goRunPattern.MatchString(filepath.ToSlash(arg0)) {
		inv.program = "go run ./cmd/rookery"
	}
	if data != defaultDataDir() {
		inv.dataDir = data
	}
	return inv
}

// commandLine returns a shell command that runs this program with arguments.
func (inv invocation) commandLine(args string) string {
	if inv.dataDir != "" {
		args += " --data " + shellQuote(inv.dataDir)
	}
	return inv.program + " " + args
}

var plainWordPattern = regexp.MustCompile(`^[0-9A-Za-z_./:@%+=,-]+$`)

// shellQuote quotes a word for a POSIX shell if necessary.
func shellQuote(word string) string {
	if plainWordPattern.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// printFirstSteps prints commands to try the server, and warns of accounts with the sample password.
func (srv *server) printFirstSteps(ctx context.Context, out io.Writer, inv invocation) error {
	found, err := srv.service.AccountsAfter(ctx, rookery.System, 2)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err = io.WriteString(out, firstStartLines(inv, srv.localURL())+loginAndChatLines(inv, sampleAccounts[0].uin,
			srv.localURL()))
		return err
	}
	var users []trialUser
	for _, accountInfo := range found {
		sample, err := srv.service.CheckPassword(ctx, accountInfo.UIN, samplePassword)
		if err != nil {
			return err
		}
		if sample {
			srv.log.Warn("an account has the sample password, which is no secret; change it", "account",
				accountInfo.UIN,
				"with", inv.commandLine(fmt.Sprintf("user passwd %d", accountInfo.UIN)))
		}
		users = append(users, trialUser{uin: accountInfo.UIN, acceptsStrangers: accountInfo.AllowStrangers,
			hasSamplePassword: sample})
	}
	_, err = io.WriteString(out, "\nTo sign in, send a message and collect it, paste into another terminal:\n\n"+
		curlLines(users, srv.localURL())+loginAndChatLines(inv, users[0].uin, srv.localURL()))
	return err
}

// localURL returns the URL at which a client on this machine reaches the server.
func (srv *server) localURL() string {
	address := netip.MustParseAddrPort(srv.listeners[0].Addr().String())
	if address.Addr().IsUnspecified() {
		address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), address.Port())
	}
	return "http://" + address.String()
}

// firstStartLines returns the commands for a server without accounts.
func firstStartLines(inv invocation, url string) string {
	var text strings.Builder
	text.WriteString("\nThere is no account yet. To add two, paste into another terminal:\n\n")
	var users []trialUser
	for _, a := range sampleAccounts {
		add := inv.commandLine(fmt.Sprintf("user add --uin %d --nick %s --password-stdin", a.uin, a.nick))
		fmt.Fprintf(&text, "printf %%s %s | %s\n", samplePassword, add)
		users = append(users, trialUser{uin: a.uin, acceptsStrangers: true, hasSamplePassword: true})
	}
	text.WriteString("\nThen, to sign in, send a message and collect it:\n\n")
	text.WriteString(curlLines(users, url))
	return text.String()
}

// loginAndChatLines returns the commands to log in and chat on a terminal.
func loginAndChatLines(inv invocation, uin rookery.UIN, url string) string {
	at := fmt.Sprintf("%d@%s", uin, strings.TrimPrefix(url, "http://"))
	return fmt.Sprintf("\nOr talk on the terminal; the login asks for the password:\n\n%s login %s\n%s chat\n",
		inv.program, at, inv.program)
}

// trialUser is an account that the printed commands use.
type trialUser struct {
	uin               rookery.UIN
	acceptsStrangers  bool // accepts messages from accounts that are not friends
	hasSamplePassword bool // still uses the sample password
}

// curlLines returns shell commands with which the first user writes to the last one, or to itself if the last one
// does not accept messages from strangers.
func curlLines(users []trialUser, url string) string {
	from, to := users[0], users[len(users)-1]
	if !to.acceptsStrangers {
		to = from
	}
	if from == to {
		users = []trialUser{from}
	}
	var ask, talk strings.Builder
	for n, user := range users {
		password := samplePassword
		if !user.hasSamplePassword {
			variable := fmt.Sprintf("P%d", n+1)
			password = `"$` + variable + `"`
			fmt.Fprintf(&ask, "printf 'Password of %d: '; IFS= read -r %s; echo\n", user.uin, variable)
		}
		talk.WriteString(curlLine(url, fmt.Sprintf("CMD=Login&UIN=%d&M5=1&PS=$(printf %%s %s | %s)", user.uin, password,
			md5Command())))
	}
	talk.WriteString(curlLine(url, fmt.Sprintf("CMD=CLTMSG&UIN=%d&UN=%d&MG=hello", from.uin, to.uin)))
	talk.WriteString(curlLine(url, fmt.Sprintf("CMD=GetMsgEx&UIN=%d", to.uin)))
	if ask.Len() == 0 {
		return talk.String()
	}
	// A shell reads a whole brace group before it runs the first command, so that read
	// gets what is typed and not the next pasted line.
	return "{\nstty -echo 2>/dev/null\n" + ask.String() + "stty echo 2>/dev/null\n" + talk.String() + "}\n"
}

// curlLine returns a command that posts a record with a random SEQ, because a repeated SEQ would have no effect.
func curlLine(url, rest string) string {
	return fmt.Sprintf(`curl -sS -w '\n' -d "VER=1.1&SEQ=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')&%s" %s`+"\n",
		rest, url)
}

// md5Command returns a command that prints only the hex MD5 of its input.
func md5Command() string {
	if runtime.GOOS == "darwin" {
		return "md5 -q"
	}
	return "md5sum | cut -c1-32"
}
