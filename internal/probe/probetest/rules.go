package probetest

import "time"

// serverRules is the behaviour as far as it is data: what a mutant changes is here,
// and nowhere else. Where zero is not what PROTOCOL.md says, contract says it.
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
	exactKeys              bool
	exactCommands          bool
	lastDuplicateCounts    bool // of a key that is given twice
	acceptsUnspokenVersion bool // one more version is spoken
	acceptsMissingVersion  bool // no version is taken for the second
	unknownCommand         unknownReaction
	maxSeqLength           int    // characters
	seqEchoLength          int    // characters
	escapedBytes           string // bytes that are escaped in answers
	keepsLineFeed          bool
	omitsReason            bool
	rewordsReasons         bool
	reversesFields         bool // of fields
	addsTime               bool // a field with the time of day
}

// A reaction is what an unknown command gets.
type unknownReaction int

const (
	replyUnknown unknownReaction = iota
	replyDone
	replyNoAnswer
	closeConnection
)

type textRules struct {
	maxLength        int  // bytes
	countsCharacters bool // are what most counts
	cutAfterBytes    int  // behind so many bytes a text is cut; 0 never
	decodesTwice     bool
	plusIsSpace      bool
	refusesBadEscape bool // that is none
	ignoresCharset   bool // a declared one is taken for UTF-8
	onlyUTF8         bool // nothing else is guessed
}

type loginRules struct {
	announcedLifetime    int
	announcedInterval    int
	addsExtraField       bool
	refusesPlainPassword bool
	unknownProofIsMD5    bool
	missingProofIsMD5    bool
	requiresLowerMD5     bool // only
	requiresClient       bool
	acceptsEmptyPassword bool
	lockAfter            int // wrong tries; 0 never
	lockFor              time.Duration
	refusesSecondAddress bool // from another address
	sharesSession        bool
	refusesRenewal       bool // from the same address
	failureEndsSession   bool // the session
	keepsStatus          bool
	proofMatch           proofMatchRule
}

type sessionRules struct {
	timeout              time.Duration
	timeoutIsAbsolute    bool // it ends so long after its Login
	doesNotRefresh       [commandCount]bool
	refusalsDoNotRefresh bool // what is refused does not refresh
	failedLoginRefreshes bool // a failed Login does
	messagesRefresh      bool // a message to the account does
	acceptsAnyAddress    bool
	needsNoLogin         [commandCount]bool
	worksAfterLogout     [commandCount]bool // is answered for whoever was logged in
	ignoresLogout        bool
	logoutNeedsSession   bool // a session
	logoutFromAnyAddress bool // ends it from any address
	logoutEndsAddress    bool // ends all sessions of the address
	offlineEndsSession   bool // Change_Stat to offline does
}

type presenceRules struct {
	shownAs          [commandCount]map[statusID]statusID // what a status looks like in one command
	listsStrangers   bool                                // Query_Stat lists strangers too
	showsLoggedOut   bool                                // who has logged out looks online until the session would have ended
	noNotices        bool
	notifiesRenewal  bool // a Login that changes nothing is told
	noticesInvisible bool // the notice of who becomes invisible says so
	statusLifetime   time.Duration
}

// listRules is how one command cuts its list into pages.
type listRules struct {
	defaultSize         int // of a page, if none is asked for
	maxSize             int
	extraElements       int // elements more than there should be
	isDescending        bool
	reversesPages       bool // each page by itself
	cursorIsInclusive   bool // the cursor
	ignoresCursor       bool
	lastFlag            lastFlagRule
	countsWholeList     bool // SN is of the whole list
	omitsEndMark        bool // the end of SimpleInfo2 is not marked
	ignoresNegativeSize bool // a negative TN is none

	sizeModulus     int           // a count is taken modulo this
	cacheLifetime   time.Duration // an answer is given again
	skippedElement  int           // this element is left out
	orderedElements int           // elements; those behind come in reverse
	refusesEvery    int           // n-th request
	firstIsEmpty    bool          // after a Login
}

// A lastRule says what FN holds.
type lastFlagRule int

const (
	lastFlagCorrect lastFlagRule = iota
	lastFlagAlways
	lastFlagNever
	lastFlagNotOnFullPage // a full page is never the last
)

type infoRules struct {
	defaultLevel        int // if none is asked for
	reportsNormalLevel  bool
	showsPictureNumbers bool // FC of Query_Stat is the picture's number
	showsPrivateFields  bool
	truncatesTarget     bool // a target's number has 32 bits
}

type friendRules struct {
	deletesOneSide           bool
	acceptsOneSide           bool
	askIsOpen                bool
	openAsks                 bool
	rejectionBefriends       bool
	acceptsUnasked           bool
	closedTakesRequests      bool // requests
	dropsWords               bool
	acceptsSilently          bool
	requestsExpireAtMidnight bool // a request is forgotten at midnight
}

type mailRules struct {
	refusesNoteToSelf bool
	duplicatesOffline bool
	losesOffline      bool
	logoutDropsMail   bool
	newestFirst       bool
	batchSize         int
	textTypeName      string // in place of the dialect's
	executesRepeats   bool   // duplicates take effect again
	repeatWindow      time.Duration
	sharesSeqMemory   bool // seqMemory, by all accounts
	seqIgnoresContent bool // SEQ and command make a duplicate
	seqIgnoresCommand bool // SEQ alone does
	repeatIsEmpty     bool // GetMsgEx's same SEQ gives nothing

	maxMessages          int // messages in a mailbox; of more the oldest are lost
	maxOfflineMessages   int // in that of who is away; further ones are lost
	losesAfterFullBatch  bool
	losesEvery           int // n-th message of a sender
	messageLifetime      time.Duration
	significantSeqLength int // characters of a SEQ that make a duplicate
	seqIgnoresCase       bool
	orderedMessages      int // messages of a batch; those behind come in reverse
	firstIsEmpty         bool
}

type httpRules struct {
	answersGet       bool
	omitsCharset     bool // Content-Type without charset
	emptyTextIs500   bool // CLTMSG without a text
	ignoresClose     bool // whatever Connection says
	neverKeepsAlive  bool
	sendsChunked     bool
	maxJitter        time.Duration
	lossRate         float64 // of all requests, half of them after their effect
	addsHeader       bool
	omitsContentType bool // there is no Content-Type
	pipelining       pipelineRule
	failingRequest   int // the request with this number since the start gets status 500
}

const (
	// minLongSeq is where a SEQ is long enough not to collide.
	minLongSeq  = 6
	shortWindow = 15 * time.Second
	// A GetMsgEx among the last few is a copy that was held up.
	maxStragglers   = 16
	stragglerWindow = 120 * time.Second
	maxTextBytes    = 4000
	maxBodyBytes    = 64 << 10
)

// protocolRules is what PROTOCOL.md says.
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
