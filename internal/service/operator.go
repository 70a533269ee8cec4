package service

import (
	"context"
	"fmt"

	"github.com/rookery-im/rookery"
)

// AddAccount creates an account and returns its number: account.UIN, or the lowest free number if that
// is 0. It returns CodeExists if the number is taken.
func (s *Service) AddAccount(ctx context.Context, account rookery.Account, password string) (rookery.UIN, error) {
	if account.UIN != 0 && account.UIN < rookery.FirstUIN {
		return 0, rookery.Errorf(rookery.CodeParameter,
			"account number %d is out of range, allowed is %d to 4294967295", account.UIN, rookery.FirstUIN)
	}
	if err := validateAccount(&account, nil); err != nil {
		return 0, err
	}
	credential, err := s.newCredential(ctx, password)
	if err != nil {
		return 0, err
	}
	account.Created = s.now()
	uin, err := s.store.CreateAccount(ctx, account, credential)
	if err != nil {
		return 0, err
	}
	s.hub.profileChanged(uin)
	s.log.Info("account added", "account", uin)
	return uin, nil
}

// validateAccount returns CodeParameter if a field is not allowed. before is the profile to be
// replaced, nil for a new account; unchanged names are not checked again.
func validateAccount(account *rookery.Account, before *rookery.Profile) error {
	if err := account.Profile.CheckNames(before); err != nil {
		return err
	}
	return account.Profile.Validate()
}

func (s *Service) newCredential(ctx context.Context, password string) (rookery.Credential, error) {
	if password == "" {
		return "", rookery.Errorf(rookery.CodeParameter, "the password is empty")
	}
	return s.passwords.Hash(ctx, password)
}

// SetPassword replaces an account's password and ends its sessions. It also clears the failed logins
// from unknown addresses, so that the operator can help an owner who is locked out.
func (s *Service) SetPassword(ctx context.Context, uin rookery.UIN, password string) error {
	if uin == rookery.System {
		return errSystemAccount
	}
	credential, err := s.newCredential(ctx, password)
	if err != nil {
		return err
	}
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return err
	}
	defer account.changeLock.release()
	if err := s.store.SetCredential(ctx, uin, credential); err != nil {
		return err
	}
	s.removeEndedSessions(ctx, account, account.allSessions()) // SetCredential has ended them in the store
	s.passwords.ClearFailures(uin)
	return nil
}

// CheckPassword reports whether the password is right. It is for the operator and not subject to the
// login limiter.
func (s *Service) CheckPassword(ctx context.Context, uin rookery.UIN, password string) (bool, error) {
	hash, err := s.store.Credential(ctx, uin)
	if err != nil {
		return false, err
	}
	return s.passwords.Matches(ctx, namedCredentials(hash), password)
}

var errSystemAccount = rookery.Errorf(rookery.CodeRefused,
	"account %d is the server itself: only its profile can be changed", rookery.System)

// ChangeAccount applies change to the stored account and returns the result. change is called again if
// the account was changed concurrently.
func (s *Service) ChangeAccount(ctx context.Context, uin rookery.UIN,
	change func(*rookery.Account) error) (rookery.Account, error) {
	return s.changeAccount(ctx, uin, change, rookery.RequestKey{})
}

// changeAccount does the work of ChangeAccount. A repeat of requestKey changes nothing.
func (s *Service) changeAccount(ctx context.Context, uin rookery.UIN, change func(*rookery.Account) error,
	requestKey rookery.RequestKey) (rookery.Account, error) {
	for {
		account, err := s.store.Account(ctx, uin)
		if err != nil {
			return rookery.Account{}, err
		}
		if _, done, err := s.store.RequestOutcome(ctx, requestKey); err != nil || done {
			return account, err
		}
		oldAccount := account
		if err := change(&account); err != nil {
			return rookery.Account{}, err
		}
		if err := validateAccount(&account, &oldAccount.Profile); err != nil {
			return rookery.Account{}, err
		}
		if uin == rookery.System && (account.FriendRule != oldAccount.FriendRule ||
			account.AllowStrangers != oldAccount.AllowStrangers ||
			account.Findable != oldAccount.Findable || account.DevicesOnly != oldAccount.DevicesOnly) {
			return rookery.Account{}, errSystemAccount
		}
		receipt, err := s.store.UpdateAccount(ctx, account, requestKey)
		if rookery.CodeOf(err) == rookery.CodeConflict {
			continue
		}
		if err != nil || receipt.Repeated {
			return account, err
		}
		s.hub.profileChanged(uin)
		account.Revision++
		if account.DevicesOnly { // even if DevicesOnly was set before: a full disk may have kept the session
			return account, s.endAddressSessionOf(ctx, uin)
		}
		return account, nil
	}
}

// endAddressSessionOf ends the address session of an account, if there is one.
func (s *Service) endAddressSessionOf(ctx context.Context, uin rookery.UIN) error {
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return err
	}
	defer account.changeLock.release()
	session := account.sessionOnDevice("")
	if session == nil {
		return nil
	}
	return s.endSessions(ctx, account, []*Session{session})
}

// Befriend makes two accounts friends without a request or a message. It returns CodeNoAccount if one
// of them does not exist.
func (s *Service) Befriend(ctx context.Context, firstUIN, otherUIN rookery.UIN) error {
	if firstUIN == rookery.System || otherUIN == rookery.System {
		return errSystemAccount
	}
	if firstUIN == otherUIN {
		return rookery.Errorf(rookery.CodeParameter, "account %d cannot be its own friend", firstUIN)
	}
	for {
		relation, err := s.store.Relation(ctx, firstUIN, otherUIN)
		if err != nil {
			return err
		}
		transition := rookery.Befriend()
		_, err = s.store.ChangeRelation(ctx, rookery.RelationChange{Me: firstUIN, Other: otherUIN, From: relation,
			Transition: transition, Time: s.now()})
		if rookery.CodeOf(err) == rookery.CodeConflict {
			continue
		}
		if err == nil {
			s.hub.relationChanged(firstUIN, otherUIN, relation, transition.Result)
		}
		return err
	}
}

// RemoveAccount deletes an account and everything that belongs to it. Messages from it stay in the
// mailboxes of others.
func (s *Service) RemoveAccount(ctx context.Context, uin rookery.UIN) error {
	if uin == rookery.System {
		return errSystemAccount
	}
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return err
	}
	defer account.changeLock.release()
	// before the friendships end, so that friends are notified
	if err := s.endSessions(ctx, account, account.allSessions()); err != nil {
		return err
	}
	consumers := account.filterConsumers(anyConsumer)
	for _, consumer := range consumers { // waits for collections in progress; they hold numbers of the old mailbox
		if err := consumer.collectLock.acquire(ctx); err != nil {
			return err
		}
		defer consumer.collectLock.release()
	}
	if err := s.store.RemoveAccount(ctx, uin); err != nil {
		return err
	}
	s.hub.accountDeleted(account, consumers)
	s.log.Info("account removed", "account", uin)
	return nil
}

// AccountInfo is an account as the operator sees it.
type AccountInfo struct {
	rookery.Account
	Status   rookery.Status // as others see it
	Sessions []rookery.Session
}

// AccountsAfter returns at most limit accounts with numbers above after, in order.
func (s *Service) AccountsAfter(ctx context.Context, after rookery.UIN, limit int) ([]AccountInfo, error) {
	accounts, err := s.store.AccountsAfter(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	infos := make([]AccountInfo, len(accounts))
	for i, account := range accounts {
		infos[i] = AccountInfo{Account: account, Status: s.VisibleStatus(account.UIN)}
		if active := s.hub.get(account.UIN); active != nil {
			for _, session := range active.allSessions() {
				if session.isAlive(s.uptime()) {
					details := session.details
					details.Token = rookery.TokenHash{} // not even the operator needs it
					infos[i].Sessions = append(infos[i].Sessions, details)
				}
			}
		}
	}
	return infos, nil
}

// SendSystemMessage sends a message of the system account to all given accounts or, if it fails, to
// none.
func (s *Service) SendSystemMessage(ctx context.Context, text string, to []rookery.UIN) error {
	if err := rookery.CheckText(text); err != nil {
		return err
	}
	newEntries := make([]rookery.NewEntry, len(to))
	for i, uin := range to {
		if _, err := s.hub.profiles.get(ctx, uin); err != nil {
			if rookery.CodeOf(err) == rookery.CodeNoAccount {
				return rookery.Errorf(rookery.CodeNoAccount, "there is no account %d", uin)
			}
			return fmt.Errorf("looking for account %d: %w", uin, err)
		}
		newEntries[i] = rookery.NewEntry{To: uin, Kind: rookery.KindMessage, Peer: rookery.System, Text: text}
	}
	receipt, err := s.store.Deliver(ctx, newEntries, s.now(), rookery.RequestKey{})
	if err != nil {
		return err
	}
	s.notifyReceivers(newEntries, receipt)
	return nil
}
