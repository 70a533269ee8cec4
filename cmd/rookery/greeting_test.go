package main

import (
	"net"
	"net/netip"
	"os/exec"
	"testing"
)

func TestCommandLineRepeatsTheInvocation(t *testing.T) {
	for _, test := range []struct {
		name       string
		arg0, data string
		want       string
	}{
		{"found in PATH", "rookery", "d", "rookery user list --data d"},
		{"by a path", "./bin/rookery", "d", "./bin/rookery user list --data d"},
		{"by a path that needs quoting", "/my programs/rookery", "d",
			"'/my programs/rookery' user list --data d"},
		{"by go run", "/tmp/go-build972289055/b001/exe/rookery", "d", "go run ./cmd/rookery user list --data d"},
		{"by go run from its cache",
			"/home/me/.cache/go-build/68/687e46e92689fb2263f728436004ea76d45a2e1b90f22080aa9f4da5fbe1bdc6-d/rookery",
			"d",
			"go run ./cmd/rookery user list --data d"},
		{"with the default directory", "rookery", defaultDataDir(), "rookery user list"},
		{"with a directory that needs quoting", "rookery", "it's here",
			`rookery user list --data 'it'\''s here'`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := newInvocation(test.arg0, test.data).commandLine("user list"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestShellUndoesShellQuote(t *testing.T) {
	for _, word := range []string{"plain", "", "two words", "it's", `$HOME \n "x" & ; *`, "企鹅"} {
		got, err := exec.Command("sh", "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(got) != word {
			t.Errorf("the shell reads %q, %v, want %q", got, err, word)
		}
	}
}

func TestLocalURLCanBeReached(t *testing.T) {
	for _, test := range []struct{ name, listenAddress, want string }{
		{"one address", "127.0.0.7:8000", "http://127.0.0.7:8000"},
		{"an IPv6 address", "[::1]:8000", "http://[::1]:8000"},
		{"all IPv4 addresses", "0.0.0.0:8000", "http://127.0.0.1:8000"},
		{"all IPv6 addresses", "[::]:8000", "http://127.0.0.1:8000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &server{listeners: []net.Listener{addressOnlyListener(test.listenAddress)}}
			if got := s.localURL(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// addressOnlyListener is a listener that has an address and accepts nothing.
type addressOnlyListener string

func (l addressOnlyListener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(string(l)))
}
func (l addressOnlyListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l addressOnlyListener) Close() error              { return nil }

func TestCurlLinesSkipUsersWhoRejectStrangers(t *testing.T) {
	users := []trialUser{{uin: 10001, acceptsStrangers: true, hasSamplePassword: true},
		{uin: 10002, hasSamplePassword: true}}
	got := curlLines(users, "http://127.0.0.1:8000")
	want := curlLines(users[:1], "http://127.0.0.1:8000")
	if got != want {
		t.Errorf("got the lines\n%s, want those of one account\n%s", got, want)
	}
}
