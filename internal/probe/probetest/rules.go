package probetest

import "time"

// rules is the behaviour as far as it is data: what a mutant changes is here,
// and nowhere else. Where zero is not what PROTOCOL.md says, contract says it.
type rules struct {
	d *Dialect

	record   recordRules
	text     textRules
	login    loginRules
	session  sessionRules
	presence presenceRules
	lists    [CommandCount]listRules
	info     infoRules
	friends  friendRules
	mail     mailRules
	http     httpRules
	limits   [CommandCount]requestLimit
}

type recordRules struct {
	exactKeys     bool
	exactCommands bool
	lastCounts    bool // of a key that is given twice
	alsoUnspoken  bool // one more version is spoken
	alsoNone      bool // no version is taken for the second
	unknown       reaction
	seqMost       int    // characters
	seqEcho       int    // characters
	escaped       string // bytes that are escaped in answers
	keepLineFeed  bool
	noReason      bool
	otherReasons  bool
	otherOrder    bool // of fields
	time          bool // a field with the time of day
}

// A reaction is what an unknown command gets.
type reaction int

const (
	saysUnknown reaction = iota
	saysDone
	saysNoAnswer
	closes
)

type textRules struct {
	most          int  // bytes
	characters    bool // are what most counts
	cut           int  // behind so many bytes a text is cut; 0 never
	decodeTwice   bool
	plusIsSpace   bool
	refuseEscape  bool // that is none
	ignoreCharset bool // a declared one is taken for UTF-8
	onlyUTF8      bool // nothing else is guessed
}

type loginRules struct {
	saysLifetime  int
	saysInterval  int
	extraField    bool
	noPlain       bool
	otherIsMD5    bool
	absentIsMD5   bool
	lowerMD5      bool // only
	needsClient   bool
	emptyPasses   bool
	lockAfter     int // wrong tries; 0 never
	lockFor       time.Duration
	secondRefused bool // from another address
	secondJoins   bool
	renewRefused  bool // from the same address
	failureEnds   bool // the session
	keepsStatus   bool
	near          nearRule
}

type sessionRules struct {
	timeout        time.Duration
	absolute       bool // it ends so long after its Login
	noRefresh      [CommandCount]bool
	refusedIsIdle  bool // what is refused does not refresh
	failedRefresh  bool // a failed Login does
	mailRefreshes  bool // a message to the account does
	anyAddress     bool
	withoutLogin   [CommandCount]bool
	afterLogout    [CommandCount]bool // is answered for whoever was logged in
	logoutNothing  bool
	logoutNeeds    bool // a session
	logoutAnywhere bool // ends it from any address
	logoutAddress  bool // ends all sessions of the address
	offlineEnds    bool // Change_Stat to offline does
}

type presenceRules struct {
	looks       [CommandCount]map[Status]Status // what a status looks like in one command
	everyone    bool                            // Query_Stat lists strangers too
	logoutShows bool                            // who has logged out looks online until the session would have ended
	noNotices   bool
	renewalTold bool // a Login that changes nothing is told
	tellsUnseen bool // the notice of who becomes invisible says so
	statusFor   time.Duration
}

// listRules is how one command cuts its list into pages.
type listRules struct {
	size      int // of a page, if none is asked for
	most      int
	extra     int // elements more than there should be
	falling   bool
	backwards bool // each page by itself
	inclusive bool // the cursor
	noCursor  bool
	last      lastRule
	total     bool // SN is of the whole list
	noEnd     bool // the end of SimpleInfo2 is not marked
	negative  bool // a negative TN is none

	wraps       int           // a count is taken modulo this
	stale       time.Duration // an answer is given again
	skips       int           // this element is left out
	ordered     int           // elements; those behind come in reverse
	refusesEach int           // n-th request
	firstEmpty  bool          // after a Login
}

// A lastRule says what FN holds.
type lastRule int

const (
	lastIsRight lastRule = iota
	lastAlways
	lastNever
	lastNotFull // a full page is never the last
)

type infoRules struct {
	level       int // if none is asked for
	saysNormal  bool
	pictures    bool // FC of Query_Stat is the picture's number
	showPrivate bool
	wraps       bool // a target's number has 32 bits
}

type friendRules struct {
	oneSidedDelete bool
	oneSidedAccept bool
	askIsOpen      bool
	openAsks       bool
	rejectAccepts  bool
	unaskedAccept  bool
	closedHears    bool // requests
	noWords        bool
	quietAccept    bool
	askedToday     bool // a request is forgotten at midnight
}

type mailRules struct {
	noNoteToSelf   bool
	twiceIfOffline bool
	lostIfOffline  bool
	lostAtLogout   bool
	newestFirst    bool
	batch          int
	typeOfText     string // in place of the dialect's
	repeats        bool   // duplicates take effect again
	window         time.Duration
	shared         bool // seqMemory, by all accounts
	anyContent     bool // SEQ and command make a duplicate
	anyCommand     bool // SEQ alone does
	noRepeat       bool // GetMsgEx's same SEQ gives nothing

	most        int // messages in a mailbox; of more the oldest are lost
	mostAway    int // in that of who is away; further ones are lost
	losesOne    bool
	losesEach   int // n-th message of a sender
	kept        time.Duration
	seqCounts   int // characters of a SEQ that make a duplicate
	seqAnyCase  bool
	orderedMost int // messages of a batch; those behind come in reverse
	firstEmpty  bool
}

type httpRules struct {
	answerGet   bool
	bareType    bool // Content-Type without charset
	emptyIs500  bool // CLTMSG without a text
	keepOpen    bool // whatever Connection says
	neverKeep   bool
	chunked     bool
	jitter      time.Duration
	lost        float64 // of all requests, half of them after their effect
	extraHeader bool
	noType      bool // there is no Content-Type
	together    togetherRule
	failsOnce   int // the request with this number since the start gets status 500
}

const (
	// shortSeq is where a SEQ is long enough not to collide.
	shortSeq    = 6
	shortWindow = 15 * time.Second
	// A GetMsgEx among the last few is a copy that was held up.
	stragglers      = 16
	stragglerWindow = 120 * time.Second
	textMost        = 4000
	bodyMost        = 64 << 10
)

// contract is what PROTOCOL.md says.
func contract(dialect *Dialect) *rules {
	r := &rules{d: dialect}
	r.record.seqMost, r.record.seqEcho, r.record.escaped = 32, bodyMost, dialect.Escaped
	r.text.most = textMost
	r.login.saysLifetime, r.login.saysInterval = 300, 60
	r.login.lockAfter, r.login.lockFor = 5, 60*time.Second
	r.session.timeout = 300 * time.Second
	r.lists[CmdList] = listRules{size: 160, most: 1000}
	r.lists[CmdQueryStat] = listRules{size: 50, most: 1000}
	r.lists[CmdQueryStat2] = listRules{size: 50}
	r.lists[CmdSimpleInfo2] = listRules{size: 50}
	r.lists[CmdFinger] = listRules{size: 25}
	r.info.level = normal
	r.mail.batch, r.mail.window = 50, 120*time.Second
	return r
}
