package probetest

import "time"

// The mutants of this file are of kinds that a study misses when it tries only what
// commands are for: values near the right one, lists that lag behind, counts, time
// that goes by, and two requests at once.

func coreWider() []ruleChange {
	return []ruleChange{
		wider("password-last-ignored", "proof nearly right", "Login", "parameter",
			"The last character of a password does not count.",
			func(r *rules) { r.login.near = lastIgnored }),
		wider("list-tn-wraps", "number beyond a range", "List", "parameter",
			"Of TN the lowest 16 bits count.",
			func(r *rules) { r.lists[CmdList].wraps = 1 << 16 }),
		wider("text-cut-at-200", "long text", "GetMsgEx", "message",
			"A text is cut behind 200 bytes, in the midst of a character if need be.",
			func(r *rules) { r.text.cut = 200 }),
		wider("query-stat-stale", "stale list", "Query_Stat", "presence",
			"Query_Stat is answered as it was for 30 s.",
			func(r *rules) { r.lists[CmdQueryStat].stale = 30 * time.Second }),
		wider("mailbox-of-64", "long queue", "GetMsgEx", "message",
			"Of more than 64 messages the oldest are lost.",
			func(r *rules) { r.mail.most = 64 }),
		wider("full-batch-loses-one", "edge of a batch", "GetMsgEx", "message",
			"Behind a full batch one message is lost.",
			func(r *rules) { r.mail.losesOne = true }),
		wider("each-16th-message-lost", "n-th request", "GetMsgEx", "message",
			"The 16th message of an account is lost, and each 16th after it.",
			func(r *rules) { r.mail.losesEach = 16 }),
		wider("at-most-10-messages", "limit", "CLTMSG", "limit",
			"More than 10 messages in 10 s are refused.",
			func(r *rules) { r.limits[CmdMessage] = requestLimit{10, 10 * time.Second} }),
		wider("mail-for-an-hour", "time goes by", "GetMsgEx", "timer",
			"A message that is not collected within an hour is lost.",
			func(r *rules) { r.mail.kept = time.Hour }),
		wider("two-at-once-swapped", "two at once", "*", "transport",
			"Of two requests that are sent at once the second is answered first.",
			func(r *rules) { r.http.together = swapped }),
		wider("seq-by-8", "mark nearly the same", "GetMsgEx", "message",
			"Of a SEQ 8 characters count.",
			func(r *rules) { r.mail.seqCounts = 8 }),
		wider("list-skips-65th", "long list", "List", "paging",
			"List leaves out the 65th friend.",
			func(r *rules) { r.lists[CmdList].skips = 65 }),
		wider("first-list-empty", "one-shot", "List", "limit",
			"The first List after a Login is empty.",
			func(r *rules) { r.lists[CmdList].firstEmpty = true }),
	}
}

func moreWider() []ruleChange {
	return []ruleChange{
		wider("md5-and-more-passes", "proof nearly right", "Login", "parameter",
			"What begins with the right MD5 is right.",
			func(r *rules) { r.login.near = prefixPasses }),
		wider("password-zero-before", "proof nearly right", "Login", "parameter",
			"Zeros before a password do not count.",
			func(r *rules) { r.login.near = zerosPass }),
		wider("getinfo-un-wraps", "number beyond a range", "GetInfo", "parameter",
			"Of UN the lowest 32 bits count.",
			func(r *rules) { r.info.wraps = true }),
		wider("text-limit-in-characters", "long text", "CLTMSG", "parameter",
			"A text may have 4000 characters and not 4000 bytes.",
			func(r *rules) { r.text.characters = true }),
		wider("list-stale", "stale list", "List", "friendship",
			"List is answered as it was until the next Login.",
			func(r *rules) { r.lists[CmdList].stale = 24 * time.Hour }),
		wider("away-mailbox-of-20", "long queue", "GetMsgEx", "message",
			"For who is away 20 messages are kept, and further ones are lost.",
			func(r *rules) { r.mail.mostAway = 20 }),
		wider("order-wrong-beyond-30", "edge of a batch", "GetMsgEx", "message",
			"In a batch of more than 30 messages those behind the 30th come newest first.",
			func(r *rules) { r.mail.orderedMost = 30 }),
		wider("each-25th-list-refused", "n-th request", "List", "limit",
			"The 25th List of an account is refused, and each 25th after it.",
			func(r *rules) { r.lists[CmdList].refusesEach = 25 }),
		wider("at-most-30-lists", "limit", "List", "limit",
			"More than 30 List in a minute are refused.",
			func(r *rules) { r.limits[CmdList] = requestLimit{30, time.Minute} }),
		wider("request-until-midnight", "time goes by", "Ack_AddToList", "timer",
			"A request to be friends is forgotten at midnight.",
			func(r *rules) { r.friends.askedToday = true }),
		wider("status-for-a-minute", "time goes by", "Query_Stat", "timer",
			"Query_Stat shows a status for a minute, and then online.",
			func(r *rules) { r.presence.statusFor = time.Minute }),
		wider("two-at-once-one-answer", "two at once", "*", "transport",
			"Of two requests that are sent at once the second is not answered.",
			func(r *rules) { r.http.together = oneAnswered }),
		wider("seq-any-case", "mark nearly the same", "GetMsgEx", "message",
			"A SEQ in other letters is the same.",
			func(r *rules) { r.mail.seqAnyCase = true }),
		wider("query-stat-unordered", "long list", "Query_Stat", "paging",
			"Behind the 20th, Query_Stat goes from the highest number down.",
			func(r *rules) { r.lists[CmdQueryStat].ordered = 20 }),
		wider("first-collection-empty", "one-shot", "GetMsgEx", "limit",
			"The first GetMsgEx after a Login gives nothing.",
			func(r *rules) { r.mail.firstEmpty = true }),
	}
}

func wider(name, kind, command, aspect, about string, change func(*rules)) ruleChange {
	m := mutate(name, kind, command, aspect, about, change)
	m.Wider = true
	return m
}
