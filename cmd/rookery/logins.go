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
	Token      string    `json:"token"`
	LoggedInAt time.Time `json:"at"`
}

// loginDir is where logins are kept: for each a file, and beside it one whose
// lock says that a command has the device for itself.
func loginDir() string { return filepath.Join(xdg.ConfigHome, "rookery", "logins") }

func (lg login) parsedAddress() *url.URL {
	parsed, err := url.Parse(lg.Address)
	if err != nil { // it was parsed before it was stored
		return &url.URL{User: &url.Userinfo{}}
	}
	return parsed
}

func (lg login) uin() rookery.UIN {
	uin, _ := rookery.ParseUIN(lg.parsedAddress().User.Username()) // 0 for what somebody else has written
	return uin
}

// serverName names the server. Its usual ports are one server's.
func (lg login) serverName() string {
	parsed := lg.parsedAddress()
	host := strings.ToLower(parsed.Host)
	if port := parsed.Port(); port == "8000" || port == "14000" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return host
}

// accountName is how a user writes whose login this is.
func (lg login) accountName() string { return lg.uin().String() + "@" + lg.serverName() }

// basePath is where the login is kept, without .json and .lock: a new login of the
// same device takes the place of the old one, whose token has ended.
func (lg login) basePath() string {
	id := sha256.Sum256([]byte(lg.accountName() + "\n" + lg.Device))
	return filepath.Join(loginDir(), fmt.Sprintf("%d-%x", lg.uin(), id[:8]))
}

// postAddresses are those for commands that are done soon. They POST: a line
// would take over from the one that holds the device's session.
func (lg login) postAddresses() []string {
	return lg.addresses(map[string]string{"qq": "http", "tcp": "http", "ws": "http", "wss": "https"})
}

// liveAddresses are those for commands that wait for what happens. A proxy that
// passes no lines on may pass on a WebSocket.
func (lg login) liveAddresses() []string {
	all := lg.addresses(map[string]string{"http": "qq", "https": "wss"})
	if scheme := schemeOf(all[0]); scheme == "qq" || scheme == "tcp" {
		all = append(all, lg.addresses(map[string]string{"qq": "ws", "tcp": "ws", "http": "ws"})...)
	}
	return all
}

// addresses are where the server may be, with schemes changed. Each port of
// Rookery speaks everything, so the port of the login comes first, and then the
// usual ones, which package client knows. A port that the user has named is the
// only one.
func (lg login) addresses(change map[string]string) []string {
	parsed := lg.parsedAddress()
	if scheme := change[parsed.Scheme]; scheme != "" {
		parsed.Scheme, parsed.Path = scheme, ""
	}
	all := []string{parsed.String()}
	if parsed.Port() == "" && lg.Port != "" {
		parsed.Host = net.JoinHostPort(parsed.Hostname(), lg.Port)
		all = append([]string{parsed.String()}, all...)
	}
	return all
}

func schemeOf(address string) string {
	scheme, _, _ := strings.Cut(address, "://")
	return scheme
}

// tryLock claims the device for one command, until the process ends or the lock is
// given back. locked is false if another command has it.
func (lg login) tryLock() (lock *flock.Flock, locked bool, err error) {
	if err := makeLoginDir(); err != nil {
		return nil, false, err
	}
	lock = flock.New(lg.basePath()+".lock", flock.SetPermissions(0o600))
	if locked, err = lock.TryLock(); err != nil {
		return nil, false, fmt.Errorf("cannot lock the login: %w; see to it that %s can be written to", err, loginDir())
	}
	return lock, locked, nil
}

// newDraft takes the room on the disk that the login will need when its token is
// known, so that a login fails on a full disk before it has begun. The lock must
// be held. It is for keep, or to be given back.
func (lg login) newDraft() (*loginDraft, error) {
	text, err := json.MarshalIndent(lg, "", "  ")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(lg.basePath()+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, cannotSaveError(err)
	}
	draft := &loginDraft{file}
	if err := draft.replaceContent(append(text, make([]byte, draftSlack)...)); err != nil {
		return nil, errors.Join(cannotSaveError(err), draft.discard())
	}
	return draft, nil
}

// roomForToken is how many bytes a login may grow by when its token, port and
// time are known.
const draftSlack = 512

// loginDraft is a file with room for a login.
type loginDraft struct{ file *os.File }

// commit writes the login down, whole or not at all.
func (ld *loginDraft) commit(l login) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	if err = ld.replaceContent(append(text, '\n')); err == nil {
		err = ld.file.Close()
	}
	if err == nil {
		err = os.Rename(ld.file.Name(), l.basePath()+".json")
	}
	if err != nil {
		return cannotSaveError(err)
	}
	return nil
}

// replaceContent has the text in the file, and nothing else, on the disk.
func (ld *loginDraft) replaceContent(text []byte) error {
	if _, err := ld.file.WriteAt(text, 0); err != nil {
		return err
	}
	if err := ld.file.Truncate(int64(len(text))); err != nil {
		return err
	}
	return ld.file.Sync()
}

// discard removes what was not kept.
func (ld *loginDraft) discard() error {
	_ = ld.file.Close() // keep may have done so
	if err := os.Remove(ld.file.Name()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func cannotSaveError(err error) error {
	return fmt.Errorf("cannot keep the login: %w; see to it that %s can be written to", err, loginDir())
}

// deleteFiles deletes the login, with what stands beside it.
func (lg login) deleteFiles() error {
	var errs []error
	for _, kind := range []string{".json", ".new", ".batch", ".lock"} {
		if err := os.Remove(lg.basePath() + kind); !errors.Is(err, fs.ErrNotExist) {
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
	if json.Unmarshal(text, &l) != nil || !l.isComplete() {
		return l, fmt.Errorf("%s is no stored login; remove it, and log in again", name)
	}
	return l, nil
}

// isComplete reports whether the login has what makes one.
func (lg login) isComplete() bool {
	_, token := rookery.ParseToken(lg.Token)
	return token && lg.uin() != 0 && lg.parsedAddress().Hostname() != "" && isKnownScheme(lg.parsedAddress().Scheme)
}

// loadLogins returns all logins, the latest first. A file that holds none does
// not stand in the way of the others: skip is told why it is left out.
func loadLogins(skip func(error)) ([]login, error) {
	entries, err := os.ReadDir(loginDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the stored logins: %w; run as the user that they belong to", err)
	}
	var logins []login
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
			logins = append(logins, login)
		}
	}
	slices.SortFunc(logins, func(a, b login) int {
		return cmp.Or(b.LoggedInAt.Compare(a.LoggedInAt), cmp.Compare(a.basePath(), b.basePath()))
	})
	return logins, nil
}

// skipWarning tells the user of a login that is skipped.
func skipWarning(cmd *cobra.Command) func(error) {
	return func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "rookery: skipped: %s\n", errorText(err)) }
}

// findLogins returns the logins of one account, the latest first. account is UIN
// or UIN@HOST; several accounts that it fits, or all if it is empty, are
// decided by the latest login.
func findLogins(account string, skip func(error)) ([]login, error) {
	logins, err := loadLogins(skip)
	if err != nil {
		return nil, err
	}
	var found []login
	for _, login := range logins {
		if login.matches(account) && (found == nil || login.accountName() == found[0].accountName()) {
			found = append(found, login)
		}
	}
	switch {
	case found != nil:
		return found, nil
	case account == "":
		return nil, &notLoggedInError{"not logged in; log in with rookery login UIN@HOST"}
	}
	return nil, &notLoggedInError{fmt.Sprintf("not logged in as %s; see rookery accounts, or log in with rookery login UIN@HOST", oneLine(account))}
}

// matches reports whether UIN, UIN@HOST, or nothing at all means the login.
func (lg login) matches(account string) bool {
	uin, host, _ := strings.Cut(account, "@")
	return (uin == "" || uin == lg.uin().String()) &&
		(host == "" || strings.EqualFold(host, lg.serverName()) || strings.EqualFold(host, lg.parsedAddress().Host) || strings.EqualFold(host, lg.parsedAddress().Hostname()))
}

// notLoggedInError is the error of who has no stored login.
type notLoggedInError struct{ text string }

func (e *notLoggedInError) Error() string { return e.text }
