package probetest

import "time"

// serverRules are the parts of the behaviour that mutants change. A mutant is one changed field. The
// zero value of a field is the behaviour of docs/protocol.md, unless protocolRules sets another one.
// Comments on fields complete the field's name to the changed behaviour.
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

// recordRules say how requests are parsed and answers are written.
type recordRules struct {
	exactKeys                 bool // the case of keys matters
	exactCommands             bool // the case of command names matters
	lastDuplicateCounts       bool // if a key is given twice, the last value counts
	acceptsUnsupportedVersion bool // treat Dialect.UnsupportedVersion as the second version
	acceptsMissingVersion     bool // treat a request without a version as the second version
	unknownCommand            unknownReaction
	maxSeqLength              int    // characters of a request's SEQ
	seqEchoLength             int    // characters of the SEQ that an answer repeats
	escapedBytes              string // bytes to escape in answers
	keepsLineFeed             bool   // write \n as it is, and not as Dialect.NewLine
	omitsReason               bool
	rewordsReasons            bool
	reversesFields            bool // of an answer, behind Dialect.Head
	addsTime                  bool // set by Config.TimeField
}

// unknownReaction is the reaction to an unknown command.
type unknownReaction int

const (
	replyUnknown    unknownReaction = iota // a record with the code of the protocol
	replyDone                              // a record of success
	replyNoAnswer                          // Dialect.NoAnswer
	closeConnection                        // no answer at all
)

// textRules say which texts are accepted, and how values are decoded.
type textRules struct {
	maxLength        int  // in bytes
	countsCharacters bool // maxLength is in characters
	cutAfterBytes    int  // truncate stored texts to this length; 0 for never
	decodesTwice     bool // decode escapes again in the result
	plusIsSpace      bool // decode + as a space
	refusesBadEscape bool // refuse an escape character that begins no escape
	ignoresCharset   bool // read texts in a declared charset as UTF-8
	onlyUTF8         bool // never guess that an undeclared charset is GB18030
}

// loginRules say which logins succeed, and what they do to an earlier session.
type loginRules struct {
	announcedLifetime    int // in seconds; the real lifetime is sessionRules.timeout
	announcedInterval    int // in seconds
	addsExtraField       bool
	refusesPlainPassword bool
	unknownProofIsMD5    bool // treat proofOther as proofMD5
	missingProofIsMD5    bool // treat a missing proof kind as proofMD5
	requiresLowerMD5     bool // refuse an MD5 in upper case
	requiresClient       bool // refuse a login without keyClient
	acceptsEmptyPassword bool
	lockAfter            int           // wrong passwords for an account from an address; 0 for never
	lockFor              time.Duration // how long the lock holds
	refusesSecondAddress bool          // refuse a login from elsewhere during a session
	sharesSession        bool          // a login from a second address keeps the first one logged in
	refusesRenewal       bool          // refuse a login from the session's own address
	failureEndsSession   bool          // a wrong password ends the session
	keepsStatus          bool          // a new session begins with the last session's status
	proofMatch           proofMatchRule
}

// sessionRules say which requests need a session, and what extends or ends one.
type sessionRules struct {
	timeout              time.Duration
	timeoutIsAbsolute    bool               // counted from the login, not from the last request
	doesNotRefresh       [commandCount]bool // commands that do not extend the session
	refusalsDoNotRefresh bool               // refused requests do not extend the session
	failedLoginRefreshes bool               // a login with a wrong password extends the session
	messagesRefresh      bool               // a message to the account extends the session
	acceptsAnyAddress    bool               // the session is not bound to a client address
	needsNoLogin         [commandCount]bool
	worksAfterLogout     [commandCount]bool // commands that an address may still send after its logout
	ignoresLogout        bool
	logoutNeedsSession   bool // refuse a logout without a session
	logoutFromAnyAddress bool // a logout from elsewhere ends the session too
	logoutEndsAddress    bool // a logout ends the sessions of all accounts at its address
	offlineEndsSession   bool // Change_Stat to offline ends the session
}

// presenceRules say who sees which status of an account.
type presenceRules struct {
	shownAs          [commandCount]map[statusID]statusID // per command: shown status by chosen status
	listsStrangers   bool                                // Query_Stat lists all who are online, not only friends
	showsLoggedOut   bool                                // as online until the session would have expired
	noNotices        bool                                // never send notices of status changes
	notifiesRenewal  bool                                // send notices of a login during a session too
	noticesInvisible bool                                // name the status invisible in notices, not offline
	statusLifetime   time.Duration                       // Query_Stat shows online from then on; 0 for never
}

// listRules says how a command divides its list into pages.
type listRules struct {
	defaultSize         int  // of a page, if the request names none
	maxSize             int  // of a page
	extraElements       int  // that each page has beyond its size
	isDescending        bool // highest account number first
	reversesPages       bool // reverse the elements within each page
	cursorIsInclusive   bool // pages begin with the element that the cursor names, not behind it
	ignoresCursor       bool
	lastFlag            lastFlagRule
	countsWholeList     bool // keySize counts the whole list, not the page
	omitsEndMark        bool // the last page of SimpleInfo2 names its last account, not Dialect.End
	ignoresNegativeSize bool // use defaultSize instead of an error

	sizeModulus     int           // requested sizes are taken modulo this; 0 for none
	cacheLifetime   time.Duration // repeat the previous answer for so long
	skippedElement  int           // position of an element to leave out, from 1; 0 for none
	orderedElements int           // reverse the elements behind so many; 0 for none
	refusesEvery    int           // refuse each n-th request of an account; 0 for none
	firstIsEmpty    bool          // the first list after each login is empty
}

// lastFlagRule says which pages keyLast marks as the last one.
type lastFlagRule int

const (
	lastFlagCorrect       lastFlagRule = iota
	lastFlagAlways                     // all pages
	lastFlagNever                      // no page
	lastFlagNotOnFullPage              // the last page, unless it is full
)

// infoRules say what GetInfo and the faces of lists show.
type infoRules struct {
	defaultLevel        int  // index into Dialect.Levels, for a request without a level
	reportsNormalLevel  bool // answers always name the normal level
	showsPictureNumbers bool // Query_Stat numbers faces by picture: face/3 + 1
	showsPrivateFields  bool // to accounts that are not friends
	truncatesTarget     bool // only the lowest 32 bits of the account number count
}

// friendRules say how friendships begin and end.
type friendRules struct {
	deletesOneSide             bool // the other account keeps its friend
	acceptBefriendsOneSideOnly bool // only the accepting account gets a friend
	askRuleAcceptsAtOnce       bool // treat ruleAsk as ruleOpen in AddToList
	openRuleNeedsRequest       bool // treat ruleOpen as ruleAsk
	rejectionBefriends         bool
	acceptsWithoutRequest      bool // an account may accept a friend request that was never sent
	closedTakesRequests        bool // friend requests reach accounts with ruleClosed
	dropsWords                 bool // deliver friend requests without their text
	acceptsSilently            bool // send no message about the acceptance
	requestsExpireAtMidnight   bool
}

// mailRules say which messages arrive, and how repeated requests are recognised.
type mailRules struct {
	refusesNoteToSelf bool          // refuse a message to the sender's own account
	duplicatesOffline bool          // store a message to an offline account twice
	losesOffline      bool          // lose messages to offline accounts
	logoutDropsMail   bool          // a logout deletes uncollected messages
	newestFirst       bool          // within a batch
	batchSize         int           // messages that one GetMsgEx collects at most
	textTypeName      string        // type of text messages, instead of the dialect's
	executesRepeats   bool          // execute a repeat again instead of repeating the answer
	repeatWindow      time.Duration // how long the answer to a request with a long SEQ is remembered
	sharesSeqMemory   bool          // one memory for all accounts
	seqIgnoresContent bool          // SEQ and command identify a repeat
	seqIgnoresCommand bool          // SEQ alone identifies a repeat
	repeatIsEmpty     bool          // GetMsgEx with the same SEQ returns nothing

	maxMessages          int           // in a mailbox; older ones are lost; 0 for any number
	maxOfflineMessages   int           // in the mailbox of an offline account; newer ones are lost
	losesAfterFullBatch  bool          // lose the message behind a full batch
	losesEvery           int           // lose each n-th message of a sender; 0 for none
	messageLifetime      time.Duration // lose messages that are not collected earlier; 0 for none
	significantSeqLength int           // compare only so many bytes of a SEQ; 0 for all
	seqIgnoresCase       bool
	orderedMessages      int  // reverse the messages of a batch behind so many; 0 for none
	firstIsEmpty         bool // the first GetMsgEx after each login returns nothing
}

// httpRules say how records travel in HTTP.
type httpRules struct {
	answersGet       bool          // answer a GET with a body like a POST
	omitsCharset     bool          // in Content-Type
	emptyTextIs500   bool          // answer a CLTMSG without a text with status 500
	ignoresClose     bool          // keep the connection in spite of Connection: close
	neverKeepsAlive  bool          // close each connection after one answer
	sendsChunked     bool          // send answers without Content-Length
	maxJitter        time.Duration // longest random delay of an answer
	lossRate         float64       // share of requests without an answer; half of them take effect
	addsHeader       bool          // send a further header, and names of headers in lower case
	omitsContentType bool          // from answers
	pipelining       pipelineRule
	failingRequest   int // the n-th request since the start gets status 500; 0 for none
}

// Limits of docs/protocol.md.
const (
	// minLongSeq is the number of characters from which a SEQ is long. Clients draw shorter ones from
	// so few values that two requests may have the same SEQ by chance.
	minLongSeq = 6
	// shortWindow is how long a short SEQ identifies a repeat.
	shortWindow = 15 * time.Second
	// A straggler is a delayed copy of an earlier GetMsgEx: its SEQ is one of the last maxStragglers
	// ones, and not older than stragglerWindow.
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
