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

// samplePassword is what the lines for the first start give to accounts. It is
// no secret, so the server warns while an account has it.
const samplePassword = "change-this"

// sampleAccounts are those that the lines for the first start add.
var sampleAccounts = []struct {
	uin  rookery.UIN
	nick string
}{
	{rookery.FirstUIN, "first"},
	{rookery.FirstUIN + 1, "second"},
}

// invocation is how this program was started, so that the lines it prints
// start it again.
type invocation struct {
	program string
	dataDir string // the data directory, if it is not the default
}

// goRun matches the places where go run puts a program: a temporary directory,
// or its cache.
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

// commandLine is the command with arguments, as a shell takes it.
func (inv invocation) commandLine(args string) string {
	if inv.dataDir != "" {
		args += " --data " + shellQuote(inv.dataDir)
	}
	return inv.program + " " + args
}

var plainWordPattern = regexp.MustCompile(`^[0-9A-Za-z_./:@%+=,-]+$`)

func shellQuote(word string) string {
	if plainWordPattern.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// printFirstSteps prints lines to try the server with, and warns of accounts with the
// sample password.
func (srv *server) printFirstSteps(ctx context.Context, out io.Writer, inv invocation) error {
	found, err := srv.service.AccountsAfter(ctx, rookery.System, 2)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err = io.WriteString(out, firstStartLines(inv, srv.localURL())+loginAndChatLines(inv, sampleAccounts[0].uin, srv.localURL()))
		return err
	}
	var users []trialUser
	for _, accountInfo := range found {
		sample, err := srv.service.CheckPassword(ctx, accountInfo.UIN, samplePassword)
		if err != nil {
			return err
		}
		if sample {
			srv.log.Warn("an account has the sample password, which is no secret; change it", "account", accountInfo.UIN,
				"with", inv.commandLine(fmt.Sprintf("user passwd %d", accountInfo.UIN)))
		}
		users = append(users, trialUser{uin: accountInfo.UIN, acceptsStrangers: accountInfo.Strangers, hasSamplePassword: sample})
	}
	_, err = io.WriteString(out, "\nTo sign in, send a message and collect it, paste into another terminal:\n\n"+
		curlLines(users, srv.localURL())+loginAndChatLines(inv, users[0].uin, srv.localURL()))
	return err
}

// localURL is where a client on this machine finds the server.
func (srv *server) localURL() string {
	address := netip.MustParseAddrPort(srv.listeners[0].Addr().String())
	if address.Addr().IsUnspecified() {
		address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), address.Port())
	}
	return "http://" + address.String()
}

// firstStartLines is what to do when there is no account.
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

// loginAndChatLines is what a person types instead, to talk.
func loginAndChatLines(inv invocation, uin rookery.UIN, url string) string {
	at := fmt.Sprintf("%d@%s", uin, strings.TrimPrefix(url, "http://"))
	return fmt.Sprintf("\nOr talk on the terminal; the login asks for the password:\n\n%s login %s\n%s chat\n", inv.program, at, inv.program)
}

// trialUser is an account in the lines to paste.
type trialUser struct {
	uin               rookery.UIN
	acceptsStrangers  bool // anybody may write to it
	hasSamplePassword bool // it has the sample password
}

// curlLines is lines for a shell with which the first user writes to the last one,
// or to itself where the last takes no messages of strangers.
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
		talk.WriteString(curlLine(url, fmt.Sprintf("CMD=Login&UIN=%d&M5=1&PS=$(printf %%s %s | %s)", user.uin, password, md5Command())))
	}
	talk.WriteString(curlLine(url, fmt.Sprintf("CMD=CLTMSG&UIN=%d&UN=%d&MG=hello", from.uin, to.uin)))
	talk.WriteString(curlLine(url, fmt.Sprintf("CMD=GetMsgEx&UIN=%d", to.uin)))
	if ask.Len() == 0 {
		return talk.String()
	}
	// In a brace group a shell has read all lines before it runs the first, so
	// that read gets what is typed and not the next line of the paste.
	return "{\nstty -echo 2>/dev/null\n" + ask.String() + "stty echo 2>/dev/null\n" + talk.String() + "}\n"
}

// curlLine is a line that posts a record with a fresh mark, which must not repeat.
func curlLine(url, rest string) string {
	return fmt.Sprintf(`curl -sS -w '\n' -d "VER=1.1&SEQ=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')&%s" %s`+"\n", rest, url)
}

// md5Command prints the MD5 of its input in hex, and nothing else.
func md5Command() string {
	if runtime.GOOS == "darwin" {
		return "md5 -q"
	}
	return "md5sum | cut -c1-32"
}
