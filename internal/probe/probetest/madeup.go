package probetest

// MadeUp is a dialect that nobody speaks: the same protocol under other names,
// with other separators and escapes, and its fields in another order.
func MadeUp() *Dialect {
	return &Dialect{
		Name:    "made up",
		Pair:    ';',
		Assign:  ':',
		ListEnd: "|",
		Escape:  '$',
		Escaped: "$;|",
		NewLine: "\r",
		Versions: []Version{
			{Name: "A0", Batch: 8 << 10},
			{Name: "A1", Batch: 8 << 10},
			{Name: "A2", Batch: 8 << 10},
			{Name: "B", Batch: 32 << 10, LineEnd: "\n", AllStatuses: true, Spelt: map[Command]string{
				CmdQueryStat2: "WHO2!",
			}},
		},
		Unspoken: "A3",
		NoAnswer: "NOPE",
		Commands: [CommandCount]string{
			CmdLogin: "Enter", CmdLogout: "Leave", CmdChangeStat: "Mood",
			CmdList: "Book", CmdQueryStat: "Who", CmdQueryStat2: "Who2", CmdSimpleInfo2: "Cards",
			CmdGetInfo: "Card", CmdAddToList: "Befriend", CmdAckAddToList: "Reply", CmdDelFromList: "Drop",
			CmdFinger: "Find", CmdMessage: "Say", CmdCollect: "Fetch",
		},
		Keys: [KeyCount]string{
			KeyVersion: "proto", KeyCommand: "do", KeySeq: "tag", KeyAccount: "me", KeyCode: "rc", KeyReason: "why", KeyTime: "at",
			KeyPassword: "secret", KeyProof: "how", KeyClient: "app", KeyStatus: "mood", KeyMost: "most", KeyAfter: "past", KeyTarget: "who",
			KeyLevel: "depth", KeyChoice: "pick", KeyWords: "note", KeyText: "say",
			KeyResult: "in", KeyInterval: "beat", KeyLifetime: "life", KeyLast: "end", KeySize: "n", KeyNumbers: "ids", KeyNext: "then",
			KeyMessages: "m", KeyTypes: "kinds", KeySenders: "from", KeyTexts: "said", KeyExtra: "bonus",
			KeyAddress: "street", KeyAge: "years", KeyBlood: "blood", KeyStar: "star", KeyCity: "city", KeyCV: "c1", KeyCountry: "land",
			KeyMail: "mail", KeyFace: "face", KeyHome: "home", KeyID: "c2", KeyJob: "job", KeyMobile: "cell", KeyMT: "c3", KeyMV: "c4",
			KeyPostCode: "zip", KeyPhone: "phone", KeyAbout: "about", KeyProvince: "shire", KeyRealName: "real", KeySchool: "school",
			KeyAnimal: "beast", KeySex: "sex", KeyNick: "nick",
		},
		Head: []Key{KeyVersion, KeySeq, KeyCommand, KeyAccount, KeyCode},
		Fields: [CommandCount][]Key{
			CmdLogin:       {KeyLifetime, KeyInterval, KeyResult},
			CmdList:        {KeyNumbers, KeySize, KeyLast},
			CmdQueryStat:   {KeyNumbers, KeyStatus, KeyNick, KeyFace, KeySize, KeyLast},
			CmdQueryStat2:  {KeyStatus, KeyNumbers, KeyLast, KeySize},
			CmdSimpleInfo2: {KeyNumbers, KeyNick, KeyFace, KeySize, KeyNext},
			CmdGetInfo: {KeyNick, KeyTarget, KeySex, KeyAnimal, KeySchool, KeyRealName, KeyProvince, KeyAbout, KeyPhone, KeyPostCode,
				KeyMV, KeyMT, KeyMobile, KeyLevel, KeyJob, KeyID, KeyHome, KeyFace, KeyMail, KeyCountry, KeyCV, KeyCity, KeyStar,
				KeyBlood, KeyAge, KeyAddress},
			CmdAddToList:    {KeyTarget, KeyChoice},
			CmdAckAddToList: {KeyChoice, KeyTarget},
			CmdDelFromList:  {KeyTarget},
			CmdFinger:       {KeyNumbers, KeyNick, KeyAge, KeySex, KeyProvince, KeyFace, KeySize, KeyLast},
			CmdCollect:      {KeyTexts, KeySenders, KeyTypes, KeyMessages},
		},
		Codes: [CodeCount]string{
			Done: "ok", NotLoggedIn: "out", NoAccount: "nobody", WrongParameter: "bad", UnknownCommand: "what", Refused: "no",
		},
		Statuses: [StatusCount]string{
			Online: "here", Offline: "gone", Away: "away", Invisible: "ghost", Busy: "busy", TalkToMe: "chat", DoNotDisturb: "hush",
		},
		Types: [TypeCount]string{
			TypeText: "T", TypeStatus: "S", TypeAsks: "Q", TypeAccepted: "Y", TypeRejected: "N", TypeAdded: "F",
		},
		Results: [2]string{"yes", "fail"},
		Last:    [2]string{"no", "yes"},
		End:     "none",
		Proofs:  [ProofCount]string{ProofPlain: "P", ProofMD5: "D", ProofOther: "E"},
		Levels:  [3]string{"a", "b", "c"},
		Added:   [AddedCount]string{AddedNow: "done", AddedAsk: "ask", AddedNobody: "none", AddedClosed: "never"},
		Choices: [ChoiceCount]string{Accept: "take", Reject: "turn", Ask: "plead"},
	}
}
