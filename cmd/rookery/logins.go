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

// login is a stored device session, created by rookery login and used by later commands.
type login struct {
	// Address is qq://10001@host, possibly with another scheme that package client supports, a port, and a path.
	Address string `json:"address"`
	// Port is the port on which the server answered, if Address contains none.
	Port   string `json:"port,omitempty"`
	Device string `json:"device"`
	// Token is secret: it grants access to the account as this device.
	Token      string    `json:"token"`
	LoggedInAt time.Time `json:"at"`
}

// loginDir is the directory of stored logins. Beside each login is a lock file, whose lock reserves the device for
// one command.
func loginDir() string { return filepath.Join(xdg.ConfigHome, "rookery", "logins") }

func (lg login) parsedAddress() *url.URL {
	parsed, err := url.Parse(lg.Address)
	if err != nil { // isComplete refuses such a login
		return &url.URL{User: &url.Userinfo{}}
	}
	return parsed
}

func (lg login) uin() rookery.UIN {
	uin, _ := rookery.ParseUIN(lg.parsedAddress().User.Username()) // 0 for an invalid number
	return uin
}

// serverName returns the lower-case host, with the port unless it is 8000 or 14000. One server usually listens on both
// of these, so they must not distinguish logins.
func (lg login) serverName() string {
	parsed := lg.parsedAddress()
	host := strings.ToLower(parsed.Host)
	if port := parsed.Port(); port == "8000" || port == "14000" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return host
}

// accountName returns UIN@HOST.
func (lg login) accountName() string { return lg.uin().String() + "@" + lg.serverName() }

// basePath returns the path of the login's files without their extensions. Logins of the same device have the same
// path, so that a new login replaces the old one, whose token is no longer valid.
func (lg login) basePath() string {
	id := sha256.Sum256([]byte(lg.accountName() + "\n" + lg.Device))
	return filepath.Join(loginDir(), fmt.Sprintf("%d-%x", lg.uin(), id[:8]))
}

// httpAddresses returns the addresses for commands that do not wait for messages, in the order to try. They use POST
// requests, because a persistent connection would replace that of another command with the same device.
func (lg login) httpAddresses() []string {
	return lg.addresses(map[string]string{"qq": "http", "tcp": "http", "ws": "http", "wss": "https"})
}

// liveAddresses returns the addresses for commands that wait for messages, in the order to try. WebSocket
// follows TCP, for proxies that forward only WebSocket.
func (lg login) liveAddresses() []string {
	all := lg.addresses(map[string]string{"http": "qq", "https": "wss"})
	if scheme := schemeOf(all[0]); scheme == "qq" || scheme == "tcp" {
		all = append(all, lg.addresses(map[string]string{"qq": "ws", "tcp": "ws", "http": "ws"})...)
	}
	return all
}

// addresses returns the server's addresses, with the scheme replaced as change maps it. The first address has the port
// on which the login succeeded, since every port of Rookery accepts every protocol. The second has no port, so that
// package client tries the usual ones. If the user named a port, there is only one address, with that port.
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

// schemeOf returns the part of an address before "://".
func schemeOf(address string) string {
	scheme, _, _ := strings.Cut(address, "://")
	return scheme
}

// tryLock reserves the device for one command until the lock is released or the process ends. locked is false, without
// an error, if another command holds the lock.
func (lg login) tryLock() (lock *flock.Flock, locked bool, err error) {
	if err := makeLoginDir(); err != nil {
		return nil, false, err
	}
	lock = flock.New(lg.basePath()+".lock", flock.SetPermissions(0o600))
	if locked, err = lock.TryLock(); err != nil {
		return nil, false, fmt.Errorf("cannot lock the login: %w; make %s writable", err, loginDir())
	}
	return lock, locked, nil
}

// newDraft reserves the disk space for the login with its future token, so that a login fails on a full disk before
// it starts. The caller must hold the lock, and call commit or discard.
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

// draftSlack is the number of bytes by which a login may grow when its token, port and time are added.
const draftSlack = 512

// loginDraft is a file with reserved space that becomes the stored login at commit.
type loginDraft struct{ file *os.File }

// commit writes l into the draft and makes it the stored login, atomically.
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

// replaceContent replaces the file's content and syncs it.
func (ld *loginDraft) replaceContent(text []byte) error {
	if _, err := ld.file.WriteAt(text, 0); err != nil {
		return err
	}
	if err := ld.file.Truncate(int64(len(text))); err != nil {
		return err
	}
	return ld.file.Sync()
}

// discard removes the draft. It has no effect after commit.
func (ld *loginDraft) discard() error {
	_ = ld.file.Close() // commit may have closed it
	if err := os.Remove(ld.file.Name()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func cannotSaveError(err error) error {
	return fmt.Errorf("cannot save the login: %w; make %s writable, or free some space", err, loginDir())
}

// deleteFiles deletes the stored login with its draft, unprinted batch and lock file. Missing files are no error.
func (lg login) deleteFiles() error {
	var errs []error
	for _, kind := range []string{".json", ".new", ".batch", ".lock"} {
		if err := os.Remove(lg.basePath() + kind); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// makeLoginDir creates the directory of stored logins if necessary, and makes it inaccessible to other users.
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
		return fmt.Errorf("cannot make the directory for logins private: %w; run chmod 700 %s as its owner", err,
			dir)
	}
	return nil
}

// readLogin reads a stored login. The error wraps fs.ErrNotExist if the file does not exist.
func readLogin(name string) (l login, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return l, fmt.Errorf("cannot read a stored login: %w; run as the user that it belongs to", err)
	}
	if json.Unmarshal(text, &l) != nil || !l.isComplete() {
		return l, fmt.Errorf("%s is not a stored login; remove it and log in again", name)
	}
	return l, nil
}

// isComplete reports whether the login has a valid token, account and address.
func (lg login) isComplete() bool {
	_, isToken := rookery.ParseToken(lg.Token)
	return isToken && lg.uin() != 0 && lg.parsedAddress().Hostname() != "" && isKnownScheme(lg.parsedAddress().Scheme)
}

// loadLogins returns all logins, the latest first. It passes errors about single
// files to onSkip and continues without those files.
func loadLogins(onSkip func(error)) ([]login, error) {
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
			onSkip(err)
		default:
			logins = append(logins, login)
		}
	}
	slices.SortFunc(logins, func(a, b login) int {
		return cmp.Or(b.LoggedInAt.Compare(a.LoggedInAt), cmp.Compare(a.basePath(), b.basePath()))
	})
	return logins, nil
}

// skipWarning returns a function that prints a warning about a skipped login.
func skipWarning(cmd *cobra.Command) func(error) {
	return func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "rookery: skipped: %s\n", errorText(err)) }
}

// findLogins returns the logins of one account, the latest first. account is UIN, UIN@HOST, or empty for any. If
// several accounts match, the one with the latest login is chosen.
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
	return nil, &notLoggedInError{
		fmt.Sprintf("not logged in as %s; see rookery accounts, or log in with rookery login UIN@HOST",
			oneLine(account))}
}

// matches reports whether account, which is UIN, UIN@HOST or empty, refers to this login.
func (lg login) matches(account string) bool {
	uin, host, _ := strings.Cut(account, "@")
	return (uin == "" || uin == lg.uin().String()) &&
		(host == "" || strings.EqualFold(host, lg.serverName()) || strings.EqualFold(host, lg.parsedAddress().Host) ||
			strings.EqualFold(host, lg.parsedAddress().Hostname()))
}

// notLoggedInError means that no stored login matches.
type notLoggedInError struct{ text string }

func (e *notLoggedInError) Error() string { return e.text }
