package probetest

func corePeople() []mutantChange {
	return []mutantChange{
		newMutant("invisible-shows", "invisible status", "Query_Stat", "presence",
			"Query_Stat shows invisible accounts as online.",
			func(rules *serverRules) {
				rules.presence.shownAs[cmdQueryStat] = map[statusID]statusID{statusInvisible: statusOnline}
			}),
		newMutant("offline-shows", "offline status", "Query_Stat", "presence",
			"Query_Stat shows accounts with status offline as online.",
			func(rules *serverRules) {
				rules.presence.shownAs[cmdQueryStat] = map[statusID]statusID{statusOffline: statusOnline}
			}),
		newMutant("login-keeps-status", "status over a login", "*", "presence",
			"A Login after the end of a session has the status of before.",
			func(rules *serverRules) { rules.login.keepsStatus = true }),
		newMutant("no-notices", "MT=99", "GetMsgEx", "presence",
			"No friend is told of a changed status.",
			func(rules *serverRules) { rules.presence.noNotices = true }),
		newMutant("strangers-show", "strangers reading status", "Query_Stat", "presence",
			"Query_Stat lists all who are online, friends or not.",
			func(rules *serverRules) { rules.presence.listsStrangers = true }),
		newMutant("deletion-one-sided", "deletion", "*", "friendship",
			"A deleted account keeps the other as a friend.",
			func(rules *serverRules) { rules.friends.deletesOneSide = true }),
		newMutant("ask-is-open", "AddToList", "AddToList", "friendship",
			"An account that wants to be asked is a friend at once.",
			func(rules *serverRules) { rules.friends.askRuleAcceptsAtOnce = true }),
		newMutant("rejection-befriends", "requests", "*", "friendship",
			"A rejection makes friends.",
			func(rules *serverRules) { rules.friends.rejectionBefriends = true }),
		newMutant("words-lost", "requests", "GetMsgEx", "friendship",
			"A request comes without its words.",
			func(rules *serverRules) { rules.friends.dropsWords = true }),
	}
}

func morePeople() []mutantChange {
	return []mutantChange{
		newMutant("query-stat2-invisible-shows", "invisible status", "Query_Stat2", "presence",
			"Query_Stat2 shows invisible accounts as online.",
			func(rules *serverRules) {
				rules.presence.shownAs[cmdQueryStat2] = map[statusID]statusID{statusInvisible: statusOnline}
			}),
		newMutant("finger-invisible-shows", "invisible status", "Finger", "presence",
			"Finger finds invisible accounts.",
			func(rules *serverRules) {
				rules.presence.shownAs[cmdFinger] = map[statusID]statusID{statusInvisible: statusOnline}
			}),
		newMutant("notice-of-invisible", "invisible status", "GetMsgEx", "presence",
			"Friends are told 40 of who becomes invisible, and not 20.",
			func(rules *serverRules) { rules.presence.noticesInvisible = true }),
		newMutant("away-shows-online", "away status", "Query_Stat", "presence",
			"Query_Stat shows accounts with status away as online.",
			func(rules *serverRules) {
				rules.presence.shownAs[cmdQueryStat] = map[statusID]statusID{statusAway: statusOnline}
			}),
		newMutant("logout-still-shows", "status after Logout", "Query_Stat", "presence",
			"Who has logged out looks online until the session would have timed out.",
			func(rules *serverRules) { rules.presence.showsLoggedOut = true }),
		newMutant("renewal-told", "MT=99", "GetMsgEx", "presence",
			"Friends are told of a Login that changes nothing.",
			func(rules *serverRules) { rules.presence.notifiesRenewal = true }),
		newMutant("acceptance-one-sided", "requests", "*", "friendship",
			"Only who accepts a request lists the other.",
			func(rules *serverRules) { rules.friends.acceptBefriendsOneSideOnly = true }),
		newMutant("open-asks", "AddToList", "AddToList", "friendship",
			"An open account wants to be asked.",
			func(rules *serverRules) { rules.friends.openRuleNeedsRequest = true }),
		newMutant("unasked-acceptance", "requests", "Ack_AddToList", "friendship",
			"Who accepts without having been asked is a friend.",
			func(rules *serverRules) { rules.friends.acceptsWithoutRequest = true }),
		newMutant("acceptance-untold", "requests", "GetMsgEx", "friendship",
			"No sender is told that a request was accepted.",
			func(rules *serverRules) { rules.friends.acceptsSilently = true }),
		newMutant("closed-may-be-asked", "requests", "Ack_AddToList", "friendship",
			"A closed account takes requests.",
			func(rules *serverRules) { rules.friends.closedTakesRequests = true }),
	}
}
