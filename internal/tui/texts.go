package tui

import "fmt"

// language is one that the screen can be in.
type languageIndex int

const (
	english languageIndex = iota
	chinese
	languageCount // how many there are
)

// translate is a text of the table, with what belongs into it.
func (l languageIndex) translate(w textID, args ...any) string {
	if len(args) == 0 {
		return localizedTexts[w].texts[l]
	}
	return fmt.Sprintf(localizedTexts[w].texts[l], args...)
}

// translation is one text of the screen; the table has it in all languages.
type textID int

// translationKey is a text in the order of the languages. Where it has to fit into
// something, width is the cells that there are, what is put into it aside.
type localizedText struct {
	texts    [languageCount]string
	maxWidth int
}

const (
	textNothing textID = iota

	// statuses and standing
	textOnline
	textTalkToMe
	textAway
	textBusy
	textDoNotDisturb
	textInvisible
	textOffline
	textStranger
	textBlocked
	textOperator

	// around the panes
	textRequestsWait
	textUnread
	textBellOff
	textBellOn
	textDisconnected
	textRetryNow
	textRetryIn
	textLogInAgain
	textWaiting
	textFailed
	textCancel
	textCommand
	textNoCommand
	textNoWords
	textNobodyChosen
	textCleared
	textNobody
	textWelcome
	textAddressSession
	textNeedsDevice
	textNothingUnread
	textQuitUnsent

	// a conversation
	textYou
	textNew
	textLoading
	textBeginning
	textOlder
	textNoHistory
	textNothingSaid
	textBelow
	textSending
	textWaits
	textNotSent
	textAskDiscard
	textDoDiscard
	textTooLong
	textSystemIsDeaf
	textHasAdded
	textAsksYou
	textNotAnswered
	textWasAccepted
	textWasAnswered
	textHasAccepted
	textHasRejected
	textTo

	// friends and requests
	textNoFriend
	textAskRemove
	textDoRemove
	textRemoved
	textAskBlock
	textDoBlock
	textIsBlocked
	textUnblocked
	textBlockedOnes
	textNobodyBlocked
	textRequests
	textNoRequests
	textAskReject
	textAccepted
	textRejected
	textFind
	textFindNote
	textNumber
	textAny
	textNoNumber
	textNoAge
	textFound
	textNobodyFound
	textAskWords
	textAsked
	textClosed
	textAdded

	// the own account
	textStatus
	textStatusIs
	textProfile
	textSaved
	textDevices
	textNoDevices
	textAskRevoke
	textDoRevoke
	textRevoked
	textSearch
	textSearchWith
	textSearchNote
	textNothingFound
	textHelp
	textSigns
	textCommands
	textSlashes

	// a profile
	textNick
	textAbout
	textSex
	textAge
	textCountry
	textProvince
	textCity
	textSchool
	textJob
	textHomePage
	textRealName
	textMail
	textPhone
	textMobile
	textAddress
	textPostCode
	textBlood
	textConstellation
	textAnimal
	textRule
	textStrangersMay
	textFindable
	textUnset
	textMale
	textFemale
	textBloodA
	textBloodB
	textBloodO
	textBloodAB
	textBloodOther
	textAsItIs
	textYes
	textNo
	textRuleOpen
	textRuleAsk
	textRuleClosed
	textAquarius
	textPisces
	textAries
	textTaurus
	textGemini
	textCancer
	textLeo
	textVirgo
	textLibra
	textScorpio
	textSagittarius
	textCapricorn
	textRat
	textOx
	textTiger
	textRabbit
	textDragon
	textSnake
	textHorse
	textGoat
	textMonkey
	textRooster
	textDog
	textPig

	// what keys do
	textKeyHelp
	textKeyQuit
	textKeyInterrupt
	textKeyCommand
	textKeyRedraw
	textKeySuspend
	textKeyOtherPane
	textKeyOpen
	textKeyUp
	textKeyDown
	textKeyPageUp
	textKeyPageDown
	textKeyNextUnread
	textKeyFind
	textKeyRequests
	textKeySearchAll
	textKeyStatus
	textKeyProfile
	textKeyInfo
	textKeyRemove
	textKeyBlock
	textKeyBlocked
	textKeyDevices
	textKeyBell
	textKeySend
	textKeyBreak
	textKeyToList
	textKeyOldest
	textKeyNewest
	textKeySearchHere
	textKeyRetry
	textKeyDiscard
	textKeyClose
	textKeyAccept
	textKeyReject
	textKeyAdd
	textKeyWrite
	textKeyFindNow
	textKeySearch
	textKeySave
	textKeyChoose
	textKeyNextField
	textKeyPreviousField
	textKeyNextChoice
	textKeyPreviousChoice
	textKeyUnblock
	textKeyRevoke

	// what went wrong
	textErrNotLoggedIn
	textErrPassword
	textErrNoAccount
	textErrRefused
	textErrParameter
	textErrTemporary
	textErrTimeout

	textCount // how many there are
)
