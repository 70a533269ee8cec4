package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
)

func TestAddressesOfALogin(t *testing.T) {
	for _, test := range []struct{ address, port, account, post, live string }{
		{"qq://10001@chat.example", "", "10001@chat.example",
			"http://10001@chat.example", "qq://10001@chat.example ws://10001@chat.example"},
		{"qq://10001@chat.example", "14000", "10001@chat.example",
			"http://10001@chat.example:14000 http://10001@chat.example",
			"qq://10001@chat.example:14000 qq://10001@chat.example ws://10001@chat.example:14000 ws://10001@chat.example"},
		{"http://10001@[fe80::1%25eth0]", "8000", "10001@[fe80::1%eth0]",
			"http://10001@[fe80::1%25eth0]:8000 http://10001@[fe80::1%25eth0]",
			"qq://10001@[fe80::1%25eth0]:8000 qq://10001@[fe80::1%25eth0] ws://10001@[fe80::1%25eth0]:8000 ws://10001@[fe80::1%25eth0]"},
		{"qq://10001@Chat.example:14000", "", "10001@chat.example",
			"http://10001@Chat.example:14000", "qq://10001@Chat.example:14000 ws://10001@Chat.example:14000"},
		{"tcp://10001@[::1]:9000", "", "10001@[::1]:9000", "http://10001@[::1]:9000", "tcp://10001@[::1]:9000 ws://10001@[::1]:9000"},
		{"http://10001@127.0.0.1:8000", "", "10001@127.0.0.1",
			"http://10001@127.0.0.1:8000", "qq://10001@127.0.0.1:8000 ws://10001@127.0.0.1:8000"},
		{"https://10001@chat.example/", "443", "10001@chat.example",
			"https://10001@chat.example:443/ https://10001@chat.example/", "wss://10001@chat.example:443 wss://10001@chat.example"},
		{"wss://10001@chat.example/ws", "", "10001@chat.example", "https://10001@chat.example", "wss://10001@chat.example/ws"},
		{"ws://10001@chat.example:81", "", "10001@chat.example:81", "http://10001@chat.example:81", "ws://10001@chat.example:81"},
	} {
		l := login{Address: test.address, Port: test.port}
		if got := l.account(); got != test.account {
			t.Errorf("%s is %s, want %s", test.address, got, test.account)
		}
		if got := strings.Join(l.postAddresses(), " "); got != test.post {
			t.Errorf("%s posts to %s, want %s", test.address, got, test.post)
		}
		if got := strings.Join(l.liveAddresses(), " "); got != test.live {
			t.Errorf("%s connects to %s, want %s", test.address, got, test.live)
		}
	}
}

// ownConfig gives a test a configuration directory of its own.
func ownConfig(t *testing.T) {
	t.Cleanup(xdg.Reload) // after the variable is as it was
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	xdg.Reload()
}

func TestTheLatestLoginDecidesAmongAccounts(t *testing.T) {
	ownConfig(t)
	for i, l := range []login{
		{Address: "qq://10001@one.example", Device: "old"},
		{Address: "qq://10001@two.example", Device: "a"},
		{Address: "http://10002@one.example", Device: "a"},
		{Address: "http://10001@one.example:8000", Device: "new"},
	} {
		l.At = time.Unix(int64(i), 0)
		if err := l.store(); err != nil {
			t.Fatal(err)
		}
	}
	for account, want := range map[string][]string{
		"":                  {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10001":             {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10001@two.example": {"qq://10001@two.example"},
		"10001@One.Example": {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10002":             {"http://10002@one.example"},
	} {
		found, err := loginsOf(account)
		if err != nil || len(found) != len(want) {
			t.Errorf("%q finds %v, %v, want %v", account, found, err, want)
			continue
		}
		for i := range want {
			if found[i].Address != want[i] {
				t.Errorf("%q finds %v, want %v", account, found, want)
			}
		}
	}
}

func TestALoginOfTheSameDeviceTakesThePlaceOfTheOlder(t *testing.T) {
	ownConfig(t)
	for i, address := range []string{"qq://10001@one.example", "http://10001@ONE.example:8000"} {
		if err := (login{Address: address, Device: "a", At: time.Unix(int64(i), 0)}).store(); err != nil {
			t.Fatal(err)
		}
	}
	found, err := storedLogins()
	if err != nil || len(found) != 1 || found[0].Address != "http://10001@ONE.example:8000" {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestADirectoryThatOthersCanReadIsClosed(t *testing.T) {
	ownConfig(t)
	if err := os.MkdirAll(loginDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(loginDir(), 0o755); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	l := login{Address: "qq://10001@one.example"}
	if err := l.store(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{loginDir(): 0o700, l.file() + ".json": 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestAFileThatIsNoLoginIsNamed(t *testing.T) {
	ownConfig(t)
	if err := makeLoginDir(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(loginDir(), "broken.json")
	if err := os.WriteFile(name, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := storedLogins(); err == nil || err.Error() != name+" is no stored login; remove it, and log in again" {
		t.Errorf("error %v", err)
	}
}
