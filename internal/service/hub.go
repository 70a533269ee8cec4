package service

import (
	"time"

	"github.com/rookery-im/rookery"
)

// hub holds the accounts in memory and tells them what has been stored. Every effect of a request on
// the memory of other accounts or other sessions goes through one of its methods. They run after the
// store has returned, so that lost news would delay a message but lose none. Nodes that share a store
// will have to tell each other exactly this list.
type hub struct {
	*activeAccounts
	profiles *accountCache
}

// arrived wakes the consumers of an account that has a new entry. It runs before the sender gets its
// answer, so that a sender who then reads the other mailbox finds the message.
func (h *hub) arrived(receiver rookery.UIN, entryNumber uint64) {
	if account := h.get(receiver); account != nil {
		account.noteNewEntry(entryNumber)
	}
}

// statusChanged notifies those of the friends that have a session. Notices are not stored. The caller
// holds the changeLock of the account that the notice is about, so that notices arrive in order.
func (h *hub) statusChanged(friends []rookery.UIN, notice rookery.StatusNotice, changesBasicStatus bool) {
	for _, uin := range friends {
		if friend := h.get(uin); friend != nil {
			friend.addNotice(notice, changesBasicStatus)
		}
	}
}

// readMarkMoved pushes a read mark to the account's devices, except the one that has set it.
func (h *hub) readMarkMoved(account *activeAccount, readMark rookery.ReadMark, setBy *consumer) {
	isOtherDevice := func(c *consumer) bool { return c != setBy && c.device != "" }
	for _, consumer := range account.filterConsumers(isOtherDevice) {
		if subscription := consumer.subscription.Load(); subscription != nil {
			subscription.pushReadMark(readMark)
		}
	}
}

// relationChanged makes two accounts read their relations anew. Accounts that are no longer friends
// lose the pending notices about each other.
func (h *hub) relationChanged(firstUIN, otherUIN rookery.UIN, before, after rookery.Relation) {
	isCached := before.Friends != after.Friends || before.Blocks != after.Blocks ||
		before.BlockedByOther != after.BlockedByOther
	for uin, peer := range map[rookery.UIN]rookery.UIN{firstUIN: otherUIN, otherUIN: firstUIN} {
		account := h.get(uin)
		if account == nil {
			continue
		}
		if isCached {
			account.invalidateRelations()
		}
		if !after.Friends {
			account.removeNotices(peer)
		}
	}
}

// profileChanged makes the next request read the account's profile and settings anew.
func (h *hub) profileChanged(uin rookery.UIN) { h.profiles.invalidate(uin) }

// attached adds a session that was started or woken. It replaces the earlier session of the same
// device. The caller holds account.changeLock.
func (h *hub) attached(account *activeAccount, session *Session) {
	account.addSession(session)
	if session.details.Device != "" {
		account.invalidateDevices()
	}
}

// ended removes sessions that the store has ended, and stops their pushes. The caller holds
// account.changeLock.
func (h *hub) ended(account *activeAccount, sessions []*Session, now time.Duration) {
	account.removeSessions(sessions, now)
}

// ownStatusChanged sets the status that all sessions of the account share. The caller holds
// account.changeLock.
func (h *hub) ownStatusChanged(account *activeAccount, status rookery.Status) {
	account.setStatus(status)
}

// deviceForgotten removes the consumers of a deleted device. The caller holds account.changeLock and the
// collectLock of each consumer.
func (h *hub) deviceForgotten(account *activeAccount, consumers []*consumer) {
	account.removeConsumers(consumers)
	account.invalidateDevices()
}

// accountDeleted takes an account out of memory. All accounts read their relations anew, because any of
// them may have become a friend meanwhile. The caller holds account.changeLock and the collectLock of
// each consumer.
func (h *hub) accountDeleted(account *activeAccount, consumers []*consumer) {
	account.removeConsumers(consumers)
	account.markRemoved()
	h.remove(account)
	h.profiles.invalidate(account.uin)
	h.forEach(func(other *activeAccount) { other.invalidateRelations() })
}
