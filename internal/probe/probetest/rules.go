package probetest

import "time"

// serverRules are the parts of the behaviour that mutants change. protocolRules sets those whose
// zero value does not follow docs/protocol.md.
type serverRules struct {
	dialect *Dialect

	record   recordRules
	text     textRules
	login    loginRules
	session  sessionRules
	presence presenceRules
	lists    [commandCount]listRules
	info     infoRules
	friends  friendRules
	mail     mailRules
	http     httpRules
	limits   [commandCount]requestLimit
}

type recordRules struct {
	exactKeys                 bool
	exactCommands             bool
	lastDuplicateCounts       bool // of a key that is given twice
	acceptsUnsupportedVersion bool // accept Dialect.Unspoken
	acceptsMissingVersion     bool // treat it as the second version
	unknownCommand            unknownReaction
	maxSeqLength              int    // characters
	seqEchoLength             int    // characters
	escapedBytes              string // bytes to escape in answers
	keepsLineFeed             bool
	omitsReason               bool
	rewordsReasons            bool
	reversesFields            bool // of an answer
	addsTime                  bool // of day, as a further field
}

// unknownReaction is the reaction to an unknown command.
type unknownReaction int

const (
	replyUnknown unknownReaction = iota
	replyDone
	replyNoAnswer
	closeConnection
)

type textRules struct {
	maxLength        int  // in bytes
	countsCharacters bool // for maxLength, instead of bytes
	cutAfterBytes    int  // 0 for never
	decodesTwice     bool
	plusIsSpace      bool
	refusesBadEscape bool // a percent sign that begins no escape
	ignoresCharset   bool // read a declared one as UTF-8
	onlyUTF8         bool // guess no other charset
}

type loginRules struct {
	announcedLifetime    int
	announcedInterval    int
	addsExtraField       bool
	refusesPlainPassword bool
	unknownProofIsMD5    bool
	missingProofIsMD5    bool
	requiresLowerMD5     bool // refuse an MD5 in upper case
	requiresClient       bool
	acceptsEmptyPassword bool
	lockAfter            int // wrong passwords; 0 for never
	lockFor              time.Duration
	refusesSecondAddress bool // during a session
	sharesSession        bool
	refusesRenewal       bool // a login from the same address
	failureEndsSession   bool // after a wrong password
	keepsStatus          bool
	proofMatch           proofMatchRule
}

type sessionRules struct {
	timeout              time.Duration
	timeoutIsAbsolute    bool // counted from the login
	doesNotRefresh       [commandCount]bool
	refusalsDoNotRefresh bool // refused requests do not extend the session
	failedLoginRefreshes bool // a failed login extends it
	messagesRefresh      bool // a message to the account extends it
	acceptsAnyAddress    bool
	needsNoLogin         [commandCount]bool
	worksAfterLogout     [commandCount]bool // for the address that has logged out
	ignoresLogout        bool
	logoutNeedsSession   bool // to succeed
	logoutFromAnyAddress bool // instead of the session's own
	logoutEndsAddress    bool // all sessions of the address
	offlineEndsSession   bool // Change_Stat to offline ends it
}

type presenceRules struct {
	shownAs          [commandCount]map[statusID]statusID // by command: visible status by chosen status
	listsStrangers   bool                                // in Query_Stat
	showsLoggedOut   bool                                // as online until the session would have expired
	noNotices        bool
	notifiesRenewal  bool // a login that changes nothing
	noticesInvisible bool // send notices of an invisible status as such
	statusLifetime   time.Duration
}

// listRules says how a command divides its list into pages.
type listRules struct {
	defaultSize         int // of a page
	maxSize             int
	extraElements       int // per page
	isDescending        bool
	reversesPages       bool // within each page
	cursorIsInclusive   bool // pages begin with the element it names
	ignoresCursor       bool
	lastFlag            lastFlagRule
	countsWholeList     bool // in SN, instead of the page
	omitsEndMark        bool // of SimpleInfo2
	ignoresNegativeSize bool // use defaultSize instead of an error

	sizeModulus     int           // 0 for none
	cacheLifetime   time.Duration // repeat the previous answer
	skippedElement  int           // 1-based; 0 for none
	orderedElements int           // reverse the elements after these
	refusesEvery    int           // n-th request
	firstIsEmpty    bool          // after each login
}

// lastFlagRule says what FN contains.
type lastFlagRule int

const (
	lastFlagCorrect lastFlagRule = iota
	lastFlagAlways
	lastFlagNever
	lastFlagNotOnFullPage // 0 on every full page
)

type infoRules struct {
	defaultLevel        int // without LV
	reportsNormalLevel  bool
	showsPictureNumbers bool // in FC of Query_Stat
	showsPrivateFields  bool
	truncatesTarget     bool // to 32 bits
}

type friendRules struct {
	deletesOneSide             bool
	acceptBefriendsOneSideOnly bool
	askRuleAcceptsAtOnce       bool
	openRuleNeedsRequest       bool
	rejectionBefriends         bool
	acceptsWithoutRequest      bool
	closedTakesRequests        bool // from anyone
	dropsWords                 bool
	acceptsSilently            bool
	requestsExpireAtMidnight   bool // a friend request is forgotten then
}

type mailRules struct {
	refusesNoteToSelf bool
	duplicatesOffline bool
	losesOffline      bool
	logoutDropsMail   bool
	newestFirst       bool
	batchSize         int
	textTypeName      string // instead of the dialect's
	executesRepeats   bool   // instead of repeating the answer
	repeatWindow      time.Duration
	sharesSeqMemory   bool // one memory for all accounts
	seqIgnoresContent bool // SEQ and command identify a repeat
	seqIgnoresCommand bool // SEQ alone identifies a repeat
	repeatIsEmpty     bool // GetMsgEx with the same SEQ returns nothing

	maxMessages          int // in a mailbox; older ones are lost
	maxOfflineMessages   int // in the mailbox of an offline account; newer ones are lost
	losesAfterFullBatch  bool
	losesEvery           int // n-th message of a sender
	messageLifetime      time.Duration
	significantSeqLength int // compare only so many characters
	seqIgnoresCase       bool
	orderedMessages      int // per batch; the others are reversed
	firstIsEmpty         bool
}

type httpRules struct {
	answersGet       bool
	omitsCharset     bool // in Content-Type
	emptyTextIs500   bool // of CLTMSG
	ignoresClose     bool // keep the connection in spite of Connection: close
	neverKeepsAlive  bool
	sendsChunked     bool
	maxJitter        time.Duration
	lossRate         float64 // share of requests; half of them take effect
	addsHeader       bool
	omitsContentType bool // from answers
	pipelining       pipelineRule
	failingRequest   int // the n-th since the start gets status 500
}

const (
	// minLongSeq is the length from which equal SEQs are no coincidence.
	minLongSeq  = 6
	shortWindow = 15 * time.Second
	// A GetMsgEx with one of the last few SEQs is a delayed copy.
	maxStragglers   = 16
	stragglerWindow = 120 * time.Second
	maxTextBytes    = 4000
	maxBodyBytes    = 64 << 10
)

// protocolRules returns the behaviour that docs/protocol.md describes.
func protocolRules(dialect *Dialect) *serverRules {
	rules := &serverRules{dialect: dialect}
	rules.record.maxSeqLength, rules.record.seqEchoLength, rules.record.escapedBytes = 32, maxBodyBytes, dialect.Escaped
	rules.text.maxLength = maxTextBytes
	rules.login.announcedLifetime, rules.login.announcedInterval = 300, 60
	rules.login.lockAfter, rules.login.lockFor = 5, 60*time.Second
	rules.session.timeout = 300 * time.Second
	rules.lists[cmdList] = listRules{defaultSize: 160, maxSize: 1000}
	rules.lists[cmdQueryStat] = listRules{defaultSize: 50, maxSize: 1000}
	rules.lists[cmdQueryStat2] = listRules{defaultSize: 50}
	rules.lists[cmdSimpleInfo2] = listRules{defaultSize: 50}
	rules.lists[cmdFinger] = listRules{defaultSize: 25}
	rules.info.defaultLevel = levelNormal
	rules.mail.batchSize, rules.mail.repeatWindow = 50, 120*time.Second
	return rules
}
