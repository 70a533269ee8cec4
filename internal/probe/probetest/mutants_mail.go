package probetest

import "time"

func coreMail() []mutantChange {
	return []mutantChange{
		newMutant("message-twice-if-offline", "offline message", "GetMsgEx", "message",
			"A message to a logged-out account comes twice.",
			func(rules *serverRules) { rules.mail.duplicatesOffline = true }),
		newMutant("message-lost-if-offline", "offline message", "GetMsgEx", "message",
			"A message to a logged-out account is lost.",
			func(rules *serverRules) { rules.mail.losesOffline = true }),
		newMutant("newest-first", "order", "GetMsgEx", "message",
			"A batch has the newest message first.",
			func(rules *serverRules) { rules.mail.newestFirst = true }),
		newMutant("batch-of-10", "batch", "GetMsgEx", "message",
			"A batch has at most 10 messages and not 50.",
			func(rules *serverRules) { rules.mail.batchSize = 10 }),
		newMutant("duplicates-take-effect", "SEQ duplicates", "GetMsgEx", "message",
			"A CLTMSG sent twice with one SEQ comes twice.",
			func(rules *serverRules) { rules.mail.executesRepeats = true }),
		newMutant("seq-across-accounts", "SEQ across accounts", "GetMsgEx", "message",
			"A request that equals one of another account is a duplicate of it.",
			func(rules *serverRules) { rules.mail.sharesSeqMemory = true }),
		newMutant("seq-across-commands", "SEQ across commands", "*", "message",
			"A changing request with the SEQ of another is a duplicate of it, and gets its answer.",
			func(rules *serverRules) { rules.mail.seqIgnoresCommand = true }),
		newMutant("repeat-gives-nothing", "SEQ of GetMsgEx", "GetMsgEx", "message",
			"GetMsgEx with the same SEQ again gives nothing.",
			func(rules *serverRules) { rules.mail.repeatIsEmpty = true }),
	}
}

func moreMail() []mutantChange {
	return []mutantChange{
		newMutant("logout-drops-mail", "offline message", "GetMsgEx", "message",
			"What has not been collected is lost by a Logout.",
			func(rules *serverRules) { rules.mail.logoutDropsMail = true }),
		newMutant("seq-whatever-content", "SEQ duplicates", "GetMsgEx", "message",
			"A second message with the SEQ of the first is lost, whatever it says.",
			func(rules *serverRules) { rules.mail.seqIgnoresContent = true }),
		newMutant("duplicates-for-30", "SEQ duplicates", "GetMsgEx", "timer",
			"A duplicate is known as one for 30 s and not 120.",
			func(rules *serverRules) { rules.mail.repeatWindow = 30 * time.Second }),
		newMutant("note-to-self-refused", "parameter UN", "CLTMSG", "parameter",
			"A message to oneself gets RES=1.",
			func(rules *serverRules) { rules.mail.refusesNoteToSelf = true }),
		newMutant("text-has-type-8", "field MT", "GetMsgEx", "field",
			"MT of a user's message is 8.",
			func(rules *serverRules) { rules.mail.textTypeName = "8" }),
	}
}
