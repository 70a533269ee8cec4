// Package control carries out an operator's commands: it adds and changes accounts and sends notices.
// An Operator works on a service in its own process or, over a Unix socket in the data directory, on the
// server that uses that directory. Effects and errors are the same both ways.
package control

import (
	"context"
	"net/http"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

// Operator manages the accounts of one server. Its methods are safe for concurrent use. Errors are of type
// *rookery.Error. A successful change is durable and has taken effect in a running server.
type Operator struct {
	// Exactly one of the two is set.
	service *service.Service
	remote  *remoteServer
}

// NewOperator returns an Operator that works on a service in this process.
func NewOperator(messenger *service.Service) *Operator { return &Operator{service: messenger} }

// Close closes the connection to the server, if any.
func (o *Operator) Close() {
	if o.remote != nil {
		o.remote.closeConnections()
	}
}

// NewAccount describes an account to be added.
type NewAccount struct {
	// UIN is the account number; 0 selects the lowest free one.
	UIN      rookery.UIN
	Settings Settings
	// Password is the account's password. If it is empty, AddAccount generates one.
	Password string
}

// AddedAccount is the result of AddAccount.
type AddedAccount struct {
	UIN rookery.UIN
	// Password is the generated password, empty if the caller chose one. It is not stored in clear text.
	Password string
}

// AddAccount adds an account. The error has CodeExists if the number is taken, and CodeParameter if a
// setting is invalid.
func (o *Operator) AddAccount(ctx context.Context, newAccount NewAccount) (AddedAccount, error) {
	return runAction(ctx, o, addAction, newAccount)
}

// ChangeAccount changes settings of an account and returns the changed account. The error has CodeNoAccount
// if the account does not exist, and CodeParameter if a setting is invalid.
func (o *Operator) ChangeAccount(ctx context.Context, uin rookery.UIN, settings Settings) (rookery.Account, error) {
	return runAction(ctx, o, changeAction, accountChange{UIN: uin, Settings: settings})
}

// SetPassword replaces an account's password and ends its sessions. If password is empty, SetPassword
// generates one and returns it. The error has CodeNoAccount if the account does not exist.
func (o *Operator) SetPassword(ctx context.Context, uin rookery.UIN, password string) (generated string, err error) {
	return runAction(ctx, o, setPasswordAction, credentials{UIN: uin, Password: password})
}

// Befriend makes two accounts friends without asking either. The error has CodeNoAccount if one of them
// does not exist.
func (o *Operator) Befriend(ctx context.Context, one, other rookery.UIN) error {
	_, err := runAction(ctx, o, befriendAction, friendPair{one, other})
	return err
}

// RemoveAccount removes an account and its data. The error has CodeNoAccount if the account does not exist.
func (o *Operator) RemoveAccount(ctx context.Context, uin rookery.UIN) error {
	_, err := runAction(ctx, o, removeAction, uin)
	return err
}

// ListAccounts returns at most limit accounts with numbers above after, in ascending order.
func (o *Operator) ListAccounts(ctx context.Context, after rookery.UIN, limit int) ([]service.AccountInfo, error) {
	return runAction(ctx, o, listAction, accountPage{After: after, Limit: limit})
}

// ListDevices returns the devices of an account by ID, whether or not they are signed in. The error has
// CodeNoAccount if the account does not exist.
func (o *Operator) ListDevices(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	return runAction(ctx, o, devicesAction, uin)
}

// RevokeDevice ends a device's session and deletes the device. The error has CodeNoAccount if the account
// does not exist, and CodeParameter if it has no such device.
func (o *Operator) RevokeDevice(ctx context.Context, uin rookery.UIN, id uint64) error {
	_, err := runAction(ctx, o, revokeDeviceAction, revocation{UIN: uin, Device: id})
	return err
}

// SendNotice sends a notice to all of the named accounts, or to none. The error has CodeNoAccount and names
// the number if one of the accounts does not exist.
func (o *Operator) SendNotice(ctx context.Context, text string, to []rookery.UIN) error {
	_, err := runAction(ctx, o, noticeAction, notice{Text: text, To: to})
	return err
}

// action is one operation of an Operator: its path on the socket and its effect on a service.
type action[In, Out any] struct {
	name    string
	perform func(context.Context, *service.Service, In) (Out, error)
}

// runAction runs an action in this process or sends it to the server.
func runAction[In, Out any](ctx context.Context, operator *Operator, a action[In, Out], input In) (output Out,
	err error) {
	if operator.service != nil {
		return a.perform(ctx, operator.service, input)
	}
	err = operator.remote.call(ctx, a.name, input, &output)
	return output, err
}

// Handler returns the HTTP handler for the control socket.
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
	addAction = action[NewAccount, AddedAccount]{"add",
		func(ctx context.Context, messenger *service.Service, input NewAccount) (AddedAccount, error) {
			account := rookery.NewAccount(input.UIN, "", time.Time{})
			if err := input.Settings.applyTo(&account); err != nil {
				return AddedAccount{}, err
			}
			password, generated := orGenerated(input.Password)
			uin, err := messenger.AddAccount(ctx, account, password)
			return AddedAccount{UIN: uin, Password: generated}, err
		}}
	changeAction = action[accountChange, rookery.Account]{"change",
		func(ctx context.Context, messenger *service.Service, input accountChange) (rookery.Account, error) {
			return messenger.ChangeAccount(ctx, input.UIN, input.Settings.applyTo)
		}}
	setPasswordAction = action[credentials, string]{"password",
		func(ctx context.Context, messenger *service.Service, input credentials) (string, error) {
			password, generated := orGenerated(input.Password)
			return generated, messenger.SetPassword(ctx, input.UIN, password)
		}}
	befriendAction = action[friendPair, noInput]{"befriend",
		func(ctx context.Context, messenger *service.Service, input friendPair) (noInput, error) {
			return noInput{}, messenger.Befriend(ctx, input.One, input.Other)
		}}
	removeAction = action[rookery.UIN, noInput]{"remove",
		func(ctx context.Context, messenger *service.Service, uin rookery.UIN) (noInput, error) {
			return noInput{}, messenger.RemoveAccount(ctx, uin)
		}}
	listAction = action[accountPage, []service.AccountInfo]{"list",
		func(ctx context.Context, messenger *service.Service, input accountPage) ([]service.AccountInfo, error) {
			return messenger.AccountsAfter(ctx, input.After, input.Limit)
		}}
	devicesAction = action[rookery.UIN, []rookery.Device]{"devices",
		func(ctx context.Context, messenger *service.Service, uin rookery.UIN) ([]rookery.Device, error) {
			return messenger.DevicesOf(ctx, uin)
		}}
	revokeDeviceAction = action[revocation, noInput]{"revoke",
		func(ctx context.Context, messenger *service.Service, input revocation) (noInput, error) {
			return noInput{}, messenger.RevokeDevice(ctx, input.UIN, input.Device)
		}}
	noticeAction = action[notice, noInput]{"notify",
		func(ctx context.Context, messenger *service.Service, input notice) (noInput, error) {
			return noInput{}, messenger.SendSystemMessage(ctx, input.Text, input.To)
		}}
)

// orGenerated returns the wanted password. If that is empty, it returns a generated password as both results.
func orGenerated(wanted string) (password, generated string) {
	if wanted != "" {
		return wanted, ""
	}
	generated = auth.GeneratePassword()
	return generated, generated
}
