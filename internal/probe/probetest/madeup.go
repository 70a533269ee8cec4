package probetest

// MadeUp returns an invented dialect: the same protocol with other names, separators and escapes,
// and with fields in another order.
func MadeUp() *Dialect {
	return &Dialect{
		Name:    "made up",
		Pair:    ';',
		Assign:  ':',
		ListEnd: "|",
		Escape:  '$',
		Escaped: "$;|",
		NewLine: "\r",
		Versions: []dialectVersion{
			{Name: "A0", Batch: 8 << 10},
			{Name: "A1", Batch: 8 << 10},
			{Name: "A2", Batch: 8 << 10},
			{Name: "B", Batch: 32 << 10, LineEnd: "\n", AllStatuses: true, Spelt: map[commandID]string{
				cmdQueryStat2: "WHO2!",
			}},
		},
		UnsupportedVersion: "A3",
		NoAnswer:           "NOPE",
		Commands: [commandCount]string{
			cmdLogin: "Enter", cmdLogout: "Leave", cmdChangeStat: "Mood",
			cmdList: "Book", cmdQueryStat: "Who", cmdQueryStat2: "Who2", cmdSimpleInfo2: "Cards",
			cmdGetInfo: "Card", cmdAddToList: "Befriend", cmdAckAddToList: "Reply", cmdDelFromList: "Drop",
			cmdFinger: "Find", cmdMessage: "Say", cmdCollect: "Fetch",
		},
		Keys: [keyCount]string{
			keyVersion: "proto", keyCommand: "do", keySeq: "tag", keyAccount: "me", keyCode: "rc", keyReason: "why",
			keyTime: "at", keyPassword: "secret", keyProof: "how", keyClient: "app", keyStatus: "mood",
			keyMaxCount: "most", keyAfter: "past", keyTarget: "who", keyLevel: "depth", keyChoice: "pick",
			keyWords: "note", keyText: "say", keyResult: "in", keyInterval: "beat", keyLifetime: "life",
			keyLast: "end", keySize: "n", keyNumbers: "ids", keyNext: "then", keyMessages: "m", keyTypes: "kinds",
			keySenders: "from", keyTexts: "said", keyExtra: "bonus", keyAddress: "street", keyAge: "years",
			keyBlood: "blood", keyStar: "star", keyCity: "city", keyProfileCV: "c1", keyCountry: "land",
			keyMail: "mail", keyFace: "face", keyHome: "home", keyProfileID: "c2", keyJob: "job", keyMobile: "cell",
			keyProfileMT: "c3", keyProfileMV: "c4", keyPostCode: "zip", keyPhone: "phone", keyAbout: "about",
			keyProvince: "shire", keyRealName: "real", keySchool: "school", keyAnimal: "beast", keySex: "sex",
			keyNick: "nick",
		},
		Head: []keyID{keyVersion, keySeq, keyCommand, keyAccount, keyCode},
		Fields: [commandCount][]keyID{
			cmdLogin:       {keyLifetime, keyInterval, keyResult},
			cmdList:        {keyNumbers, keySize, keyLast},
			cmdQueryStat:   {keyNumbers, keyStatus, keyNick, keyFace, keySize, keyLast},
			cmdQueryStat2:  {keyStatus, keyNumbers, keyLast, keySize},
			cmdSimpleInfo2: {keyNumbers, keyNick, keyFace, keySize, keyNext},
			cmdGetInfo: {keyNick, keyTarget, keySex, keyAnimal, keySchool, keyRealName, keyProvince, keyAbout,
				keyPhone, keyPostCode, keyProfileMV, keyProfileMT, keyMobile, keyLevel, keyJob, keyProfileID, keyHome,
				keyFace, keyMail, keyCountry, keyProfileCV, keyCity, keyStar, keyBlood, keyAge, keyAddress},
			cmdAddToList:    {keyTarget, keyChoice},
			cmdAckAddToList: {keyChoice, keyTarget},
			cmdDelFromList:  {keyTarget},
			cmdFinger:       {keyNumbers, keyNick, keyAge, keySex, keyProvince, keyFace, keySize, keyLast},
			cmdCollect:      {keyTexts, keySenders, keyTypes, keyMessages},
		},
		Codes: [codeCount]string{
			codeDone: "ok", codeNotLoggedIn: "out", codeNoAccount: "nobody", codeWrongParameter: "bad",
			codeUnknownCommand: "what", codeRefused: "no",
		},
		Statuses: [statusCount]string{
			statusOnline: "here", statusOffline: "gone", statusAway: "away", statusInvisible: "ghost",
			statusBusy: "busy", statusTalkToMe: "chat", statusDoNotDisturb: "hush",
		},
		Types: [typeCount]string{
			typeText: "T", typeStatus: "S", typeRequest: "Q", typeAccepted: "Y", typeRejected: "N", typeAdded: "F",
		},
		Results: [2]string{"yes", "fail"},
		Last:    [2]string{"no", "yes"},
		End:     "none",
		Proofs:  [proofCount]string{proofPlain: "P", proofMD5: "D", proofOther: "E"},
		Levels:  [3]string{"a", "b", "c"},
		Added: [addResultCount]string{addResultFriends: "done", addResultMustAsk: "ask",
			addResultNoAccount: "none", addResultClosed: "never"},
		Choices: [choiceCount]string{choiceAccept: "take", choiceReject: "turn", choiceAsk: "plead"},
	}
}
