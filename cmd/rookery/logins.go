package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
)

// login is a device's session that was begun with rookery login, kept so that
// later commands can go on with it.
type login struct {
	// Address is qq://10001@host, or with another scheme that package client
	// knows, a port, a path.
	Address string `json:"address"`
	// Port is where the server was when the login began, if Address names none.
	Port   string `json:"port,omitempty"`
	Device string `json:"device"`
	// Token is a secret: whoever has it acts for the device.
	Token string    `json:"token"`
	At    time.Time `json:"at"`
}

// loginDir is where logins are kept: for each a file, and beside it one whose
// lock says that a command has the device for itself.
func loginDir() string { return filepath.Join(xdg.ConfigHome, "rookery", "logins") }

func (l login) url() *url.URL {
	u, err := url.Parse(l.Address)
	if err != nil { // it was parsed before it was stored
		return &url.URL{User: &url.Userinfo{}}
	}
	return u
}

func (l login) uin() rookery.UIN {
	uin, _ := rookery.ParseUIN(l.url().User.Username()) // 0 for what somebody else has written
	return uin
}

// server names the server. Its usual ports are one server's.
func (l login) server() string {
	u := l.url()
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == "8000" || port == "14000" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return host
}

// account is how a user writes whose login this is.
func (l login) account() string { return l.uin().String() + "@" + l.server() }

// file is where the login is kept, without .json and .lock: a new login of the
// same device takes the place of the old one, whose token has ended.
func (l login) file() string {
	id := sha256.Sum256([]byte(l.account() + "\n" + l.Device))
	return filepath.Join(loginDir(), fmt.Sprintf("%d-%x", l.uin(), id[:8]))
}

// postAddresses are those for commands that are done soon. They POST: a line
// would take over from the one that holds the device's session.
func (l login) postAddresses() []string {
	return l.addresses(map[string]string{"qq": "http", "tcp": "http", "ws": "http", "wss": "https"})
}

// liveAddresses are those for commands that wait for what happens. A proxy that
// passes no lines on may pass on a WebSocket.
func (l login) liveAddresses() []string {
	all := l.addresses(map[string]string{"http": "qq", "https": "wss"})
	if scheme := schemeOf(all[0]); scheme == "qq" || scheme == "tcp" {
		all = append(all, l.addresses(map[string]string{"qq": "ws", "tcp": "ws", "http": "ws"})...)
	}
	return all
}

// addresses are where the server may be, with schemes changed. Each port of
// Rookery speaks everything, so the port of the login comes first, and then the
// usual ones, which package client knows. A port that the user has named is the
// only one.
func (l login) addresses(change map[string]string) []string {
	u := l.url()
	if scheme := change[u.Scheme]; scheme != "" {
		u.Scheme, u.Path = scheme, ""
	}
	all := []string{u.String()}
	if u.Port() == "" && l.Port != "" {
		u.Host = net.JoinHostPort(u.Hostname(), l.Port)
		all = append([]string{u.String()}, all...)
	}
	return all
}

func schemeOf(address string) string {
	scheme, _, _ := strings.Cut(address, "://")
	return scheme
}

// lock claims the device for one command, until the process ends or the lock is
// given back. locked is false if another command has it.
func (l login) lock() (lock *flock.Flock, locked bool, err error) {
	if err := makeLoginDir(); err != nil {
		return nil, false, err
	}
	lock = flock.New(l.file()+".lock", flock.SetPermissions(0o600))
	if locked, err = lock.TryLock(); err != nil {
		return nil, false, fmt.Errorf("cannot lock the login: %w; see to it that %s can be written to", err, loginDir())
	}
	return lock, locked, nil
}

// makeRoom takes the room on the disk that the login will need when its token is
// known, so that a login fails on a full disk before it has begun. The lock must
// be held. It is for keep, or to be given back.
func (l login) makeRoom() (*loginDraft, error) {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(l.file()+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, cannotKeep(err)
	}
	d := &loginDraft{file}
	if err := d.write(append(text, make([]byte, roomForToken)...)); err != nil {
		return nil, errors.Join(cannotKeep(err), d.giveBack())
	}
	return d, nil
}

// roomForToken is how many bytes a login may grow by when its token, port and
// time are known.
const roomForToken = 512

// loginDraft is a file with room for a login.
type loginDraft struct{ f *os.File }

// keep writes the login down, whole or not at all.
func (d *loginDraft) keep(l login) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	if err = d.write(append(text, '\n')); err == nil {
		err = d.f.Close()
	}
	if err == nil {
		err = os.Rename(d.f.Name(), l.file()+".json")
	}
	if err != nil {
		return cannotKeep(err)
	}
	return nil
}

// write has the text in the file, and nothing else, on the disk.
func (d *loginDraft) write(text []byte) error {
	if _, err := d.f.WriteAt(text, 0); err != nil {
		return err
	}
	if err := d.f.Truncate(int64(len(text))); err != nil {
		return err
	}
	return d.f.Sync()
}

// giveBack removes what was not kept.
func (d *loginDraft) giveBack() error {
	_ = d.f.Close() // keep may have done so
	if err := os.Remove(d.f.Name()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func cannotKeep(err error) error {
	return fmt.Errorf("cannot keep the login: %w; see to it that %s can be written to", err, loginDir())
}

// forget deletes the login, with what stands beside it.
func (l login) forget() error {
	var errs []error
	for _, kind := range []string{".json", ".new", ".batch", ".lock"} {
		if err := os.Remove(l.file() + kind); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// makeLoginDir makes the directory, and sees to it that nobody else can look
// into it.
func makeLoginDir() error {
	dir := loginDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the directory for logins: %w; set XDG_CONFIG_HOME to a directory of yours", err)
	}
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("cannot keep others out of the directory for logins: %w; run chmod 700 %s as its owner", err, dir)
	}
	return nil
}

// readLogin reads a stored login, fs.ErrNotExist if it is not there.
func readLogin(name string) (l login, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return l, fmt.Errorf("cannot read a stored login: %w; run as the user that it belongs to", err)
	}
	if json.Unmarshal(text, &l) != nil || !l.whole() {
		return l, fmt.Errorf("%s is no stored login; remove it, and log in again", name)
	}
	return l, nil
}

// whole reports whether the login has what makes one.
func (l login) whole() bool {
	_, token := rookery.ParseToken(l.Token)
	return token && l.uin() != 0 && l.url().Hostname() != "" && knownScheme(l.url().Scheme)
}

// storedLogins returns all logins, the latest first. A file that holds none does
// not stand in the way of the others: skip is told why it is left out.
func storedLogins(skip func(error)) ([]login, error) {
	entries, err := os.ReadDir(loginDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the stored logins: %w; run as the user that they belong to", err)
	}
	var all []login
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		login, err := readLogin(filepath.Join(loginDir(), e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // a logout meanwhile
		case err != nil:
			skip(err)
		default:
			all = append(all, login)
		}
	}
	slices.SortFunc(all, func(a, b login) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.file(), b.file())) })
	return all, nil
}

// warning tells the user of a login that is skipped.
func warning(cmd *cobra.Command) func(error) {
	return func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "rookery: skipped: %s\n", describe(err)) }
}

// loginsOf returns the logins of one account, the latest first. account is UIN
// or UIN@HOST; several accounts that it fits, or all if it is empty, are
// decided by the latest login.
func loginsOf(account string, skip func(error)) ([]login, error) {
	all, err := storedLogins(skip)
	if err != nil {
		return nil, err
	}
	var found []login
	for _, login := range all {
		if login.fits(account) && (found == nil || login.account() == found[0].account()) {
			found = append(found, login)
		}
	}
	switch {
	case found != nil:
		return found, nil
	case account == "":
		return nil, &notLoggedIn{"not logged in; log in with rookery login UIN@HOST"}
	}
	return nil, &notLoggedIn{fmt.Sprintf("not logged in as %s; see rookery accounts, or log in with rookery login UIN@HOST", oneLine(account))}
}

// fits reports whether UIN, UIN@HOST, or nothing at all means the login.
func (l login) fits(account string) bool {
	uin, host, _ := strings.Cut(account, "@")
	return (uin == "" || uin == l.uin().String()) &&
		(host == "" || strings.EqualFold(host, l.server()) || strings.EqualFold(host, l.url().Host) || strings.EqualFold(host, l.url().Hostname()))
}

// notLoggedIn is the error of who has no stored login.
type notLoggedIn struct{ text string }

func (e *notLoggedIn) Error() string { return e.text }
