package tui

import "fmt"

// languageIndex selects a language in localizedText.
type languageIndex int

const (
	english languageIndex = iota
	chinese
	languageCount
)

// translate returns a text, formatted with args if there are any.
func (l languageIndex) translate(id textID, args ...any) string {
	if len(args) == 0 {
		return localizedTexts[id].texts[l]
	}
	return fmt.Sprintf(localizedTexts[id].texts[l], args...)
}

// textID identifies a text of the screen.
type textID int

// localizedText is a text in every language. If maxWidth is not 0, the text, without its
// arguments, must fit into that many cells.
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

	textCount
)
