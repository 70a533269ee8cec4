package probetest

import "time"

// A study misses the mutants of this file if it tries only what commands are for. They show only with
// almost correct values, cached lists, large counts, long waits, or simultaneous requests.

func coreWider() []mutantChange {
	return []mutantChange{
		newWiderMutant("password-last-ignored", "proof nearly right", "Login", "parameter",
			"The last character of a password does not count.",
			func(rules *serverRules) { rules.login.proofMatch = matchIgnoringLast }),
		newWiderMutant("list-tn-wraps", "number beyond a range", "List", "parameter",
			"Of TN the lowest 16 bits count.",
			func(rules *serverRules) { rules.lists[cmdList].sizeModulus = 1 << 16 }),
		newWiderMutant("text-cut-at-200", "long text", "GetMsgEx", "message",
			"A text is cut after 200 bytes, even within a character.",
			func(rules *serverRules) { rules.text.cutAfterBytes = 200 }),
		newWiderMutant("query-stat-stale", "stale list", "Query_Stat", "presence",
			"Query_Stat repeats its previous answer for 30 s.",
			func(rules *serverRules) { rules.lists[cmdQueryStat].cacheLifetime = 30 * time.Second }),
		newWiderMutant("mailbox-of-64", "long queue", "GetMsgEx", "message",
			"Of more than 64 messages the oldest are lost.",
			func(rules *serverRules) { rules.mail.maxMessages = 64 }),
		newWiderMutant("full-batch-loses-one", "edge of a batch", "GetMsgEx", "message",
			"After a full batch one message is lost.",
			func(rules *serverRules) { rules.mail.losesAfterFullBatch = true }),
		newWiderMutant("each-16th-message-lost", "n-th request", "GetMsgEx", "message",
			"The 16th message of an account is lost, and each 16th after it.",
			func(rules *serverRules) { rules.mail.losesEvery = 16 }),
		newWiderMutant("at-most-10-messages", "limit", "CLTMSG", "limit",
			"More than 10 messages in 10 s are refused.",
			func(rules *serverRules) { rules.limits[cmdMessage] = requestLimit{10, 10 * time.Second} }),
		newWiderMutant("mail-for-an-hour", "time goes by", "GetMsgEx", "timer",
			"A message that is not collected within an hour is lost.",
			func(rules *serverRules) { rules.mail.messageLifetime = time.Hour }),
		newWiderMutant("two-at-once-swapped", "two at once", "*", "transport",
			"Of two requests that are sent at once the second is answered first.",
			func(rules *serverRules) { rules.http.pipelining = answersSwapped }),
		newWiderMutant("seq-by-8", "mark nearly the same", "GetMsgEx", "message",
			"Of a SEQ 8 characters count.",
			func(rules *serverRules) { rules.mail.significantSeqLength = 8 }),
		newWiderMutant("list-skips-65th", "long list", "List", "paging",
			"List leaves out the 65th friend.",
			func(rules *serverRules) { rules.lists[cmdList].skippedElement = 65 }),
		newWiderMutant("first-list-empty", "one-shot", "List", "limit",
			"The first List after a Login is empty.",
			func(rules *serverRules) { rules.lists[cmdList].firstIsEmpty = true }),
	}
}

func moreWider() []mutantChange {
	return []mutantChange{
		newWiderMutant("md5-and-more-passes", "proof nearly right", "Login", "parameter",
			"What begins with the right MD5 is right.",
			func(rules *serverRules) { rules.login.proofMatch = matchPrefix }),
		newWiderMutant("password-zero-before", "proof nearly right", "Login", "parameter",
			"Zeros before a password do not count.",
			func(rules *serverRules) { rules.login.proofMatch = matchIgnoringZeros }),
		newWiderMutant("getinfo-un-wraps", "number beyond a range", "GetInfo", "parameter",
			"Of UN the lowest 32 bits count.",
			func(rules *serverRules) { rules.info.truncatesTarget = true }),
		newWiderMutant("text-limit-in-characters", "long text", "CLTMSG", "parameter",
			"A text may have 4000 characters and not 4000 bytes.",
			func(rules *serverRules) { rules.text.countsCharacters = true }),
		newWiderMutant("list-stale", "stale list", "List", "friendship",
			"List is answered as it was until the next Login.",
			func(rules *serverRules) { rules.lists[cmdList].cacheLifetime = 24 * time.Hour }),
		newWiderMutant("away-mailbox-of-20", "long queue", "GetMsgEx", "message",
			"For a logged-out account 20 messages are kept, and further ones are lost.",
			func(rules *serverRules) { rules.mail.maxOfflineMessages = 20 }),
		newWiderMutant("order-wrong-beyond-30", "edge of a batch", "GetMsgEx", "message",
			"In a batch of more than 30 messages those after the 30th come newest first.",
			func(rules *serverRules) { rules.mail.orderedMessages = 30 }),
		newWiderMutant("each-25th-list-refused", "n-th request", "List", "limit",
			"The 25th List of an account is refused, and each 25th after it.",
			func(rules *serverRules) { rules.lists[cmdList].refusesEvery = 25 }),
		newWiderMutant("at-most-30-lists", "limit", "List", "limit",
			"More than 30 List in a minute are refused.",
			func(rules *serverRules) { rules.limits[cmdList] = requestLimit{30, time.Minute} }),
		newWiderMutant("request-until-midnight", "time goes by", "Ack_AddToList", "timer",
			"A request to be friends is forgotten at midnight.",
			func(rules *serverRules) { rules.friends.requestsExpireAtMidnight = true }),
		newWiderMutant("status-for-a-minute", "time goes by", "Query_Stat", "timer",
			"Query_Stat shows a status for a minute, and then online.",
			func(rules *serverRules) { rules.presence.statusLifetime = time.Minute }),
		newWiderMutant("two-at-once-one-answer", "two at once", "*", "transport",
			"Of two requests that are sent at once the second is not answered.",
			func(rules *serverRules) { rules.http.pipelining = answersFirstOnly }),
		newWiderMutant("seq-any-case", "mark nearly the same", "GetMsgEx", "message",
			"A SEQ in other letters is the same.",
			func(rules *serverRules) { rules.mail.seqIgnoresCase = true }),
		newWiderMutant("query-stat-unordered", "long list", "Query_Stat", "paging",
			"Behind the 20th, Query_Stat goes from the highest number down.",
			func(rules *serverRules) { rules.lists[cmdQueryStat].orderedElements = 20 }),
		newWiderMutant("first-collection-empty", "one-shot", "GetMsgEx", "limit",
			"The first GetMsgEx after a Login gives nothing.",
			func(rules *serverRules) { rules.mail.firstIsEmpty = true }),
	}
}

func newWiderMutant(name, kind, command, aspect, about string, change func(*serverRules)) mutantChange {
	m := newMutant(name, kind, command, aspect, about, change)
	m.Wider = true
	return m
}
