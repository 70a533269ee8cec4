package tui

import "fmt"

// language is one that the screen can be in.
type language int

const (
	english language = iota
	chinese
	languages // how many there are
)

// say is a text of the table, with what belongs into it.
func (l language) say(w translation, args ...any) string {
	if len(args) == 0 {
		return table[w].in[l]
	}
	return fmt.Sprintf(table[w].in[l], args...)
}

// translation is one text of the screen; the table has it in all languages.
type translation int

// translationKey is a text in the order of the languages. Where it has to fit into
// something, width is the cells that there are, what is put into it aside.
type translationKey struct {
	in    [languages]string
	width int
}

const (
	wNothing translation = iota

	// statuses and standing
	wOnline
	wTalkToMe
	wAway
	wBusy
	wDoNotDisturb
	wInvisible
	wOffline
	wStranger
	wBlocked
	wOperator

	// around the panes
	wRequestsWait
	wUnread
	wBellOff
	wBellOn
	wDisconnected
	wRetryNow
	wRetryIn
	wLogInAgain
	wWaiting
	wFailed
	wCancel
	wCommand
	wNoCommand
	wNoWords
	wNobodyChosen
	wCleared
	wNobody
	wWelcome
	wAddressSession
	wNeedsDevice
	wNothingUnread
	wQuitUnsent

	// a conversation
	wYou
	wNew
	wLoading
	wBeginning
	wOlder
	wNoHistory
	wNothingSaid
	wBelow
	wSending
	wWaits
	wNotSent
	wAskDiscard
	wDoDiscard
	wTooLong
	wSystemIsDeaf
	wHasAdded
	wAsksYou
	wNotAnswered
	wWasAccepted
	wWasAnswered
	wHasAccepted
	wHasRejected
	wTo

	// friends and requests
	wNoFriend
	wAskRemove
	wDoRemove
	wRemoved
	wAskBlock
	wDoBlock
	wIsBlocked
	wUnblocked
	wBlockedOnes
	wNobodyBlocked
	wRequests
	wNoRequests
	wAskReject
	wAccepted
	wRejected
	wFind
	wFindNote
	wNumber
	wAny
	wNoNumber
	wNoAge
	wFound
	wNobodyFound
	wAskWords
	wAsked
	wClosed
	wAdded

	// the own account
	wStatus
	wStatusIs
	wProfile
	wSaved
	wDevices
	wNoDevices
	wAskRevoke
	wDoRevoke
	wRevoked
	wSearch
	wSearchWith
	wSearchNote
	wNothingFound
	wHelp
	wSigns
	wCommands
	wSlashes

	// a profile
	wNick
	wAbout
	wSex
	wAge
	wCountry
	wProvince
	wCity
	wSchool
	wJob
	wHomePage
	wRealName
	wMail
	wPhone
	wMobile
	wAddress
	wPostCode
	wBlood
	wConstellation
	wAnimal
	wRule
	wStrangersMay
	wFindable
	wUnset
	wMale
	wFemale
	wBloodA
	wBloodB
	wBloodO
	wBloodAB
	wBloodOther
	wAsItIs
	wYes
	wNo
	wRuleOpen
	wRuleAsk
	wRuleClosed
	wAquarius
	wPisces
	wAries
	wTaurus
	wGemini
	wCancer
	wLeo
	wVirgo
	wLibra
	wScorpio
	wSagittarius
	wCapricorn
	wRat
	wOx
	wTiger
	wRabbit
	wDragon
	wSnake
	wHorse
	wGoat
	wMonkey
	wRooster
	wDog
	wPig

	// what keys do
	wKeyHelp
	wKeyQuit
	wKeyInterrupt
	wKeyCommand
	wKeyRedraw
	wKeySuspend
	wKeyOtherPane
	wKeyOpen
	wKeyUp
	wKeyDown
	wKeyPageUp
	wKeyPageDown
	wKeyNextUnread
	wKeyFind
	wKeyRequests
	wKeySearchAll
	wKeyStatus
	wKeyProfile
	wKeyInfo
	wKeyRemove
	wKeyBlock
	wKeyBlocked
	wKeyDevices
	wKeyBell
	wKeySend
	wKeyBreak
	wKeyToList
	wKeyOldest
	wKeyNewest
	wKeySearchHere
	wKeyRetry
	wKeyDiscard
	wKeyClose
	wKeyAccept
	wKeyReject
	wKeyAdd
	wKeyWrite
	wKeyFindNow
	wKeySearch
	wKeySave
	wKeyChoose
	wKeyNextField
	wKeyPreviousField
	wKeyNextChoice
	wKeyPreviousChoice
	wKeyUnblock
	wKeyRevoke

	// what went wrong
	wErrNotLoggedIn
	wErrPassword
	wErrNoAccount
	wErrRefused
	wErrParameter
	wErrTemporary
	wErrTimeout

	words // how many there are
)
