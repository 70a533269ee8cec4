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
	remote  *remoteServer
}

// NewOperator is an Operator on a service in this process.
func NewOperator(messenger *service.Service) *Operator { return &Operator{service: messenger} }

// Close ends the connection to the server, if there is one.
func (o *Operator) Close() {
	if o.remote != nil {
		o.remote.closeConnections()
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

// AddedAccount is an account that was added.
type AddedAccount struct {
	UIN rookery.UIN
	// Password is the one that was made, empty if one was given. It is stored
	// nowhere.
	Password string
}

// AddAccount adds an account. CodeExists if the number is taken, CodeParameter if the
// account cannot be as asked for.
func (o *Operator) AddAccount(ctx context.Context, newAccount NewAccount) (AddedAccount, error) {
	return runAction(ctx, o, addAction, newAccount)
}

// ChangeAccount changes settings of an account and returns it as it is then.
// CodeNoAccount if there is none, CodeParameter if it cannot be so.
func (o *Operator) ChangeAccount(ctx context.Context, uin rookery.UIN, settings Settings) (rookery.Account, error) {
	return runAction(ctx, o, changeAction, accountChange{UIN: uin, Settings: settings})
}

// SetPassword gives an account a new password and ends its sessions. If
// password is empty, one is made and returned. CodeNoAccount if there is no
// such account.
func (o *Operator) SetPassword(ctx context.Context, uin rookery.UIN, password string) (generated string, err error) {
	return runAction(ctx, o, setPasswordAction, credentials{UIN: uin, Password: password})
}

// Befriend makes two accounts friends without asking them. CodeNoAccount if one
// of them does not exist.
func (o *Operator) Befriend(ctx context.Context, one, other rookery.UIN) error {
	_, err := runAction(ctx, o, befriendAction, friendPair{one, other})
	return err
}

// RemoveAccount removes an account with all it has. CodeNoAccount if there is none.
func (o *Operator) RemoveAccount(ctx context.Context, uin rookery.UIN) error {
	_, err := runAction(ctx, o, removeAction, uin)
	return err
}

// ListAccounts returns at most limit accounts with numbers above after, by number.
func (o *Operator) ListAccounts(ctx context.Context, after rookery.UIN, limit int) ([]service.AccountInfo, error) {
	return runAction(ctx, o, listAction, accountPage{After: after, Limit: limit})
}

// ListDevices lists the devices of an account, signed in or not, by ID.
// CodeNoAccount if there is no such account.
func (o *Operator) ListDevices(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	return runAction(ctx, o, devicesAction, uin)
}

// RevokeDevice ends a device's session and forgets the device. CodeNoAccount if
// there is no such account, CodeParameter if it has no such device.
func (o *Operator) RevokeDevice(ctx context.Context, uin rookery.UIN, id uint64) error {
	_, err := runAction(ctx, o, revokeDeviceAction, revocation{UIN: uin, Device: id})
	return err
}

// SendNotice sends a notice of the operator, all or none. CodeNoAccount names the
// number that is no account.
func (o *Operator) SendNotice(ctx context.Context, text string, to []rookery.UIN) error {
	_, err := runAction(ctx, o, noticeAction, notice{Text: text, To: to})
	return err
}

// action is one thing that an operator can do: its name on the socket, and how
// it is done on a service.
type action[In, Out any] struct {
	name    string
	perform func(context.Context, *service.Service, In) (Out, error)
}

// runAction does an action where the operator's service is.
func runAction[In, Out any](ctx context.Context, operator *Operator, a action[In, Out], input In) (output Out, err error) {
	if operator.service != nil {
		return a.perform(ctx, operator.service, input)
	}
	err = operator.remote.call(ctx, a.name, input, &output)
	return output, err
}

// Handler answers the socket.
func Handler(messenger *service.Service) http.Handler {
	mux := http.NewServeMux()
	registerAction(mux, messenger, addAction)
	registerAction(mux, messenger, changeAction)
	registerAction(mux, messenger, setPasswordAction)
	registerAction(mux, messenger, befriendAction)
	registerAction(mux, messenger, removeAction)
	registerAction(mux, messenger, listAction)
	registerAction(mux, messenger, noticeAction)
	registerAction(mux, messenger, devicesAction)
	registerAction(mux, messenger, revokeDeviceAction)
	return mux
}

type (
	noInput       struct{}
	accountChange struct {
		UIN      rookery.UIN
		Settings Settings
	}
	credentials struct {
		UIN      rookery.UIN
		Password string
	}
	friendPair  struct{ One, Other rookery.UIN }
	accountPage struct {
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
	addAction = action[NewAccount, AddedAccount]{"add", func(ctx context.Context, messenger *service.Service, input NewAccount) (AddedAccount, error) {
		account := rookery.NewAccount(input.UIN, "", time.Time{})
		if err := input.Settings.applyTo(&account); err != nil {
			return AddedAccount{}, err
		}
		password, generated := orGenerated(input.Password)
		uin, err := messenger.AddAccount(ctx, account, password)
		return AddedAccount{UIN: uin, Password: generated}, err
	}}
	changeAction = action[accountChange, rookery.Account]{"change", func(ctx context.Context, messenger *service.Service, input accountChange) (rookery.Account, error) {
		return messenger.ChangeAccount(ctx, input.UIN, input.Settings.applyTo)
	}}
	setPasswordAction = action[credentials, string]{"password", func(ctx context.Context, messenger *service.Service, input credentials) (string, error) {
		password, generated := orGenerated(input.Password)
		return generated, messenger.SetPassword(ctx, input.UIN, password)
	}}
	befriendAction = action[friendPair, noInput]{"befriend", func(ctx context.Context, messenger *service.Service, input friendPair) (noInput, error) {
		return noInput{}, messenger.Befriend(ctx, input.One, input.Other)
	}}
	removeAction = action[rookery.UIN, noInput]{"remove", func(ctx context.Context, messenger *service.Service, uin rookery.UIN) (noInput, error) {
		return noInput{}, messenger.RemoveAccount(ctx, uin)
	}}
	listAction = action[accountPage, []service.AccountInfo]{"list", func(ctx context.Context, messenger *service.Service, input accountPage) ([]service.AccountInfo, error) {
		return messenger.AccountsAfter(ctx, input.After, input.Limit)
	}}
	devicesAction = action[rookery.UIN, []rookery.Device]{"devices", func(ctx context.Context, messenger *service.Service, uin rookery.UIN) ([]rookery.Device, error) {
		return messenger.DevicesOf(ctx, uin)
	}}
	revokeDeviceAction = action[revocation, noInput]{"revoke", func(ctx context.Context, messenger *service.Service, input revocation) (noInput, error) {
		return noInput{}, messenger.RevokeDevice(ctx, input.UIN, input.Device)
	}}
	noticeAction = action[notice, noInput]{"notify", func(ctx context.Context, messenger *service.Service, input notice) (noInput, error) {
		return noInput{}, messenger.SendSystemMessage(ctx, input.Text, input.To)
	}}
)

// orGenerated returns the given password, or a made one twice.
func orGenerated(wanted string) (password, generated string) {
	if wanted != "" {
		return wanted, ""
	}
	generated = service.GeneratePassword()
	return generated, generated
}
