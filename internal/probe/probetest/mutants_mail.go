package probetest

import "time"

func coreMail() []ruleChange {
	return []ruleChange{
		mutate("message-twice-if-offline", "offline message", "GetMsgEx", "message",
			"A message to who is logged out comes twice.",
			func(r *rules) { r.mail.twiceIfOffline = true }),
		mutate("message-lost-if-offline", "offline message", "GetMsgEx", "message",
			"A message to who is logged out is lost.",
			func(r *rules) { r.mail.lostIfOffline = true }),
		mutate("newest-first", "order", "GetMsgEx", "message",
			"A batch has the newest message first.",
			func(r *rules) { r.mail.newestFirst = true }),
		mutate("batch-of-10", "batch", "GetMsgEx", "message",
			"A batch has at most 10 messages and not 50.",
			func(r *rules) { r.mail.batch = 10 }),
		mutate("duplicates-take-effect", "SEQ duplicates", "GetMsgEx", "message",
			"A CLTMSG sent twice with one SEQ comes twice.",
			func(r *rules) { r.mail.repeats = true }),
		mutate("seq-across-accounts", "SEQ across accounts", "GetMsgEx", "message",
			"A request that equals one of another account is a duplicate of it.",
			func(r *rules) { r.mail.shared = true }),
		mutate("seq-across-commands", "SEQ across commands", "*", "message",
			"A changing request with the SEQ of another is a duplicate of it, and gets its answer.",
			func(r *rules) { r.mail.anyCommand = true }),
		mutate("repeat-gives-nothing", "SEQ of GetMsgEx", "GetMsgEx", "message",
			"GetMsgEx with the same SEQ again gives nothing.",
			func(r *rules) { r.mail.noRepeat = true }),
	}
}

func moreMail() []ruleChange {
	return []ruleChange{
		mutate("logout-drops-mail", "offline message", "GetMsgEx", "message",
			"What has not been collected is lost by a Logout.",
			func(r *rules) { r.mail.lostAtLogout = true }),
		mutate("seq-whatever-content", "SEQ duplicates", "GetMsgEx", "message",
			"A second message with the SEQ of the first is lost, whatever it says.",
			func(r *rules) { r.mail.anyContent = true }),
		mutate("duplicates-for-30", "SEQ duplicates", "GetMsgEx", "timer",
			"A duplicate is known as one for 30 s and not 120.",
			func(r *rules) { r.mail.window = 30 * time.Second }),
		mutate("note-to-self-refused", "parameter UN", "CLTMSG", "parameter",
			"A message to oneself gets RES=1.",
			func(r *rules) { r.mail.noNoteToSelf = true }),
		mutate("text-has-type-8", "field MT", "GetMsgEx", "field",
			"MT of a user's message is 8.",
			func(r *rules) { r.mail.typeOfText = "8" }),
	}
}
