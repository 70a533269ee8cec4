// Package control is how an operator acts on a server: adds and changes
// accounts, sends notices. An Operator works on a service in its own process
// or, over a Unix socket in the data directory, on the server that runs there;
// what it does and the errors it returns are the same both ways.
package control

import (
	"context"
	"net/http"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// Operator acts on the accounts of one server. Its methods may be called at
// the same time. Errors are rookery.Errors; what they say was done is durable,
// and beside a running server it has taken effect.
type Operator struct {
	// One of the two is set.
	service *service.Service
	remote  *remote
}

// Direct is an Operator on a service in this process.
func Direct(svc *service.Service) *Operator { return &Operator{service: svc} }

// Close ends the connection to the server, if there is one.
func (o *Operator) Close() {
	if o.remote != nil {
		o.remote.close()
	}
}

// NewAccount is an account to be added.
type NewAccount struct {
	// UIN is the account's number, 0 for the lowest free one.
	UIN      rookery.UIN
	Settings Settings
	// Password is the account's password. If it is empty, one is made.
	Password string
}

// Added is an account that was added.
type Added struct {
	UIN rookery.UIN
	// Password is the one that was made, empty if one was given. It is stored
	// nowhere.
	Password string
}

// Add adds an account. CodeExists if the number is taken, CodeParameter if the
// account cannot be as asked for.
func (o *Operator) Add(ctx context.Context, newAccount NewAccount) (Added, error) {
	return run(ctx, o, add, newAccount)
}

// Change changes settings of an account and returns it as it is then.
// CodeNoAccount if there is none, CodeParameter if it cannot be so.
func (o *Operator) Change(ctx context.Context, uin rookery.UIN, settings Settings) (rookery.Account, error) {
	return run(ctx, o, change, accountChange{UIN: uin, Settings: settings})
}

// SetPassword gives an account a new password and ends its sessions. If
// password is empty, one is made and returned. CodeNoAccount if there is no
// such account.
func (o *Operator) SetPassword(ctx context.Context, uin rookery.UIN, password string) (made string, err error) {
	return run(ctx, o, setPassword, credentials{UIN: uin, Password: password})
}

// Befriend makes two accounts friends without asking them. CodeNoAccount if one
// of them does not exist.
func (o *Operator) Befriend(ctx context.Context, one, other rookery.UIN) error {
	_, err := run(ctx, o, befriend, friendPair{one, other})
	return err
}

// Remove removes an account with all it has. CodeNoAccount if there is none.
func (o *Operator) Remove(ctx context.Context, uin rookery.UIN) error {
	_, err := run(ctx, o, remove, uin)
	return err
}

// Accounts returns at most limit accounts with numbers above after, by number.
func (o *Operator) Accounts(ctx context.Context, after rookery.UIN, limit int) ([]service.AccountInfo, error) {
	return run(ctx, o, list, page{After: after, Limit: limit})
}

// Devices lists the devices of an account, signed in or not, by ID.
// CodeNoAccount if there is no such account.
func (o *Operator) Devices(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	return run(ctx, o, devices, uin)
}

// RevokeDevice ends a device's session and forgets the device. CodeNoAccount if
// there is no such account, CodeParameter if it has no such device.
func (o *Operator) RevokeDevice(ctx context.Context, uin rookery.UIN, id uint64) error {
	_, err := run(ctx, o, revokeDevice, revocation{UIN: uin, Device: id})
	return err
}

// Notify sends a notice of the operator, all or none. CodeNoAccount names the
// number that is no account.
func (o *Operator) Notify(ctx context.Context, text string, to []rookery.UIN) error {
	_, err := run(ctx, o, notify, notice{Text: text, To: to})
	return err
}

// action is one thing that an operator can do: its name on the socket, and how
// it is done on a service.
type action[In, Out any] struct {
	name string
	do   func(context.Context, *service.Service, In) (Out, error)
}

// run does an action where the operator's service is.
func run[In, Out any](ctx context.Context, operator *Operator, a action[In, Out], in In) (out Out, err error) {
	if operator.service != nil {
		return a.do(ctx, operator.service, in)
	}
	err = operator.remote.call(ctx, a.name, in, &out)
	return out, err
}

// Handler answers the socket.
func Handler(svc *service.Service) http.Handler {
	mux := http.NewServeMux()
	handle(mux, svc, add)
	handle(mux, svc, change)
	handle(mux, svc, setPassword)
	handle(mux, svc, befriend)
	handle(mux, svc, remove)
	handle(mux, svc, list)
	handle(mux, svc, notify)
	handle(mux, svc, devices)
	handle(mux, svc, revokeDevice)
	return mux
}

type (
	noArgument    struct{}
	accountChange struct {
		UIN      rookery.UIN
		Settings Settings
	}
	credentials struct {
		UIN      rookery.UIN
		Password string
	}
	friendPair struct{ One, Other rookery.UIN }
	page       struct {
		After rookery.UIN
		Limit int
	}
	revocation struct {
		UIN    rookery.UIN
		Device uint64
	}
	notice struct {
		Text string
		To   []rookery.UIN
	}
)

var (
	add = action[NewAccount, Added]{"add", func(ctx context.Context, svc *service.Service, in NewAccount) (Added, error) {
		account := rookery.NewAccount(in.UIN, "", time.Time{})
		if err := in.Settings.apply(&account); err != nil {
			return Added{}, err
		}
		password, made := orNew(in.Password)
		uin, err := svc.AddAccount(ctx, account, password)
		return Added{UIN: uin, Password: made}, err
	}}
	change = action[accountChange, rookery.Account]{"change", func(ctx context.Context, svc *service.Service, in accountChange) (rookery.Account, error) {
		return svc.ChangeAccount(ctx, in.UIN, in.Settings.apply)
	}}
	setPassword = action[credentials, string]{"password", func(ctx context.Context, svc *service.Service, in credentials) (string, error) {
		password, made := orNew(in.Password)
		return made, svc.SetPassword(ctx, in.UIN, password)
	}}
	befriend = action[friendPair, noArgument]{"befriend", func(ctx context.Context, svc *service.Service, in friendPair) (noArgument, error) {
		return noArgument{}, svc.Befriend(ctx, in.One, in.Other)
	}}
	remove = action[rookery.UIN, noArgument]{"remove", func(ctx context.Context, svc *service.Service, uin rookery.UIN) (noArgument, error) {
		return noArgument{}, svc.RemoveAccount(ctx, uin)
	}}
	list = action[page, []service.AccountInfo]{"list", func(ctx context.Context, svc *service.Service, in page) ([]service.AccountInfo, error) {
		return svc.AccountsAfter(ctx, in.After, in.Limit)
	}}
	devices = action[rookery.UIN, []rookery.Device]{"devices", func(ctx context.Context, svc *service.Service, uin rookery.UIN) ([]rookery.Device, error) {
		return svc.DevicesOf(ctx, uin)
	}}
	revokeDevice = action[revocation, noArgument]{"revoke", func(ctx context.Context, svc *service.Service, in revocation) (noArgument, error) {
		return noArgument{}, svc.RevokeDevice(ctx, in.UIN, in.Device)
	}}
	notify = action[notice, noArgument]{"notify", func(ctx context.Context, svc *service.Service, in notice) (noArgument, error) {
		return noArgument{}, svc.SendSystemMessage(ctx, in.Text, in.To)
	}}
)

// orNew returns the given password, or a made one twice.
func orNew(given string) (password, made string) {
	if given != "" {
		return given, ""
	}
	made = service.GeneratePassword()
	return made, made
}
