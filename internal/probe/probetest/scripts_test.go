package probetest

import (
	"net/http"
	"strings"
)

// scripts returns an exchange for each mutant that shows its difference.
func scripts() map[string]func(x *client) {
	all := map[string]func(x *client){}
	for _, table := range []map[string]func(x *client){listScripts(), sessionScripts(), loginScripts(), recordScripts(),
		peopleScripts(), mailScripts(), httpScripts(), widerScripts()} {
		for name, script := range table {
			all[name] = script
		}
	}
	return all
}

const many = 10004

// lists logs account Many in and requests one list.
func lists(command commandID, args ...any) func(x *client) {
	return func(x *client) {
		x.login(many)
		x.ask(many, command, args...)
	}
}

func listScripts() map[string]func(x *client) {
	return map[string]func(x *client){
		"list-descending":              lists(cmdList, keyMaxCount, 3),
		"list-page-backwards":          lists(cmdList, keyMaxCount, 3),
		"list-page-short":              lists(cmdList, keyMaxCount, 3),
		"list-cursor-inclusive":        lists(cmdList, keyMaxCount, 3, keyAfter, 11003),
		"list-cap-100":                 lists(cmdList, keyMaxCount, 1000),
		"list-fn-always-last":          lists(cmdList, keyMaxCount, 3),
		"list-fn-full-page":            lists(cmdList, keyMaxCount, 120),
		"list-sn-total":                lists(cmdList, keyMaxCount, 3),
		"list-default-50":              lists(cmdList),
		"list-negative-tn":             lists(cmdList, keyMaxCount, -1),
		"query-stat-descending":        lists(cmdQueryStat, keyMaxCount, 3),
		"query-stat-page-long":         lists(cmdQueryStat, keyMaxCount, 3),
		"query-stat-cursor-ignored":    lists(cmdQueryStat, keyMaxCount, 3, keyAfter, 11003),
		"query-stat-fn-never-last":     lists(cmdQueryStat),
		"query-stat-sn-total":          lists(cmdQueryStat, keyMaxCount, 3),
		"query-stat-default-20":        lists(cmdQueryStat),
		"query-stat2-page-40":          lists(cmdQueryStat2),
		"query-stat2-fn-always-last":   lists(cmdQueryStat2),
		"simpleinfo2-cursor-inclusive": lists(cmdSimpleInfo2, keyAfter, 11050),
		"simpleinfo2-no-end":           lists(cmdSimpleInfo2, keyAfter, 11100),
		"finger-page-20":               lists(cmdFinger),
		"fc-is-picture":                lists(cmdQueryStat, keyMaxCount, 3),
		"lv-default-3":                 lists(cmdGetInfo, keyTarget, 10001),
		"lv-says-normal": func(x *client) {
			x.login(many)
			x.ask(many, cmdGetInfo, keyTarget, 10001, keyLevel, x.d.Levels[levelBrief])
		},
		"private-fields-shown": lists(cmdGetInfo, keyTarget, 10001),
	}
}

func sessionScripts() map[string]func(x *client) {
	after := func(uin int, begin func(x *client)) func(x *client) {
		return func(x *client) { x.each(uin, func() { begin(x) }) }
	}
	idle := func(seconds int) func(x *client) {
		return after(10001, func(x *client) { x.login(10001); x.wait(seconds) })
	}
	return map[string]func(x *client){
		"logout-still-answered":      after(10001, func(x *client) { x.login(10001); x.ask(10001, cmdLogout) }),
		"logout-list-still-answered": after(10001, func(x *client) { x.login(10001); x.ask(10001, cmdLogout) }),
		"logout-ignored":             after(10001, func(x *client) { x.login(10001); x.ask(10001, cmdLogout) }),
		"logout-ends-address":        after(10001, func(x *client) { x.login(10001, 10002); x.ask(10002, cmdLogout) }),
		"logout-from-anywhere": after(10001, func(x *client) {
			x.login(10001)
			x.from = 1
			x.ask(10001, cmdLogout)
			x.from = 0
		}),
		"logout-needs-login": func(x *client) { x.ask(10001, cmdLogout) },
		"list-without-login": func(x *client) { x.ask(10001, cmdList); x.ask(10001, cmdCollect) },
		"mail-without-login": func(x *client) { x.ask(10001, cmdList); x.ask(10001, cmdCollect) },
		"second-login-joins": after(10001,
			func(x *client) { x.login(10001); x.from = 1; x.login(10001); x.from = 0 }),
		"second-login-refused": func(x *client) { x.login(10001); x.from = 1; x.login(10001) },
		"relogin-refused":      func(x *client) { x.login(10001, 10001) },
		"any-address":          after(10001, func(x *client) { x.login(10001); x.from = 1 }),
		"offline-ends-session": after(10001, func(x *client) { x.login(10001); x.status(10001, statusOffline) }),
		"failed-login-ends-session": after(10001, func(x *client) {
			x.login(10001)
			x.wrongLogin(10001)
		}),
		"timeout-240": idle(250),
		"timeout-295": idle(296),
		"timeout-330": idle(310),
		"timeout-absolute": after(10001,
			func(x *client) { x.login(10001); x.wait(200); x.ask(10001, cmdList); x.wait(200) }),
		"list-does-not-refresh": after(10001, func(x *client) {
			x.login(10001)
			x.wait(200)
			x.ask(10001, cmdList)
			x.wait(200)
		}),
		"poll-does-not-refresh": after(10001, func(x *client) {
			x.login(10001)
			x.wait(200)
			x.ask(10001, cmdCollect)
			x.wait(200)
		}),
		"refused-does-not-refresh": after(10001, func(x *client) {
			x.login(10001)
			x.wait(200)
			x.ask(10001, cmdGetInfo)
			x.wait(200)
		}),
		"failed-login-refreshes": after(10001, func(x *client) {
			x.login(10001)
			x.wait(200)
			x.wrongLogin(10001)
			x.wait(200)
		}),
		"mail-refreshes": after(10001, func(x *client) {
			x.login(10001)
			x.wait(200)
			x.login(10002)
			x.ask(10002, cmdMessage, keyTarget, 10001, keyText, "hello")
			x.wait(200)
		}),
	}
}

func loginScripts() map[string]func(x *client) {
	login := func(args func(dialect *Dialect) []any) func(x *client) {
		return func(x *client) { x.ask(10001, cmdLogin, args(x.d)...) }
	}
	usual := func(x *client) { x.login(10001) }
	tries := func(number, wait int) func(x *client) {
		return func(x *client) {
			for range number {
				x.ask(10001, cmdLogin, keyPassword, "wrong", keyProof, x.d.Proofs[proofPlain])
			}
			x.wait(wait)
			x.login(10001)
		}
	}
	return map[string]func(x *client){
		"m5-plain-refused": login(func(dialect *Dialect) []any {
			return []any{keyPassword, password, keyProof, dialect.Proofs[proofPlain]}
		}),
		"m5-2-is-md5": login(func(dialect *Dialect) []any {
			return []any{keyPassword, passwordMD5, keyProof, dialect.Proofs[proofOther]}
		}),
		"m5-absent-is-md5": login(func(dialect *Dialect) []any { return []any{keyPassword, passwordMD5} }),
		"md5-upper-refused": login(func(dialect *Dialect) []any {
			return []any{keyPassword, strings.ToUpper(passwordMD5), keyProof, dialect.Proofs[proofMD5]}
		}),
		"empty-password-passes": login(func(dialect *Dialect) []any {
			return []any{keyPassword, "", keyProof, dialect.Proofs[proofMD5]}
		}),
		"lc-required":  usual,
		"li-says-240":  usual,
		"hi-says-30":   usual,
		"extra-field":  usual,
		"lock-after-3": tries(3, 0),
		"lock-never":   tries(5, 0),
		"lock-for-30":  tries(5, 45),
		"lock-for-120": tries(5, 90),
	}
}

func recordScripts() map[string]func(x *client) {
	// varied sends three commands with changed pairs.
	varied := func(change func(x *client, pairs []string) []string) func(x *client) {
		return func(x *client) {
			x.login(10001)
			for _, command := range []commandID{cmdList, cmdQueryStat, cmdCollect} {
				x.send(command, change(x, x.d.formatPairs(x.question(10001, command))))
			}
		}
	}
	unknown := func(x *client) {
		pairs := x.d.formatPairs(x.question(10001, cmdList))
		pairs[1] = x.d.Keys[keyCommand] + string(x.d.Assign) + "Nonesuch"
		x.send(cmdUnknown, pairs)
	}
	text := func(charset string, words func(dialect *Dialect) string) func(x *client) {
		return func(x *client) {
			x.login(10001)
			x.charset = charset
			x.ask(10001, cmdMessage, keyTarget, 10002, keyText, words(x.d))
			x.charset = "UTF-8"
			x.login(10002)
			x.ask(10002, cmdCollect)
		}
	}
	escape := func(hex string) func(dialect *Dialect) string {
		return func(dialect *Dialect) string { return "a" + string(dialect.Escape) + hex + "b" }
	}
	plain := func(words string) func(dialect *Dialect) string { return func(*Dialect) string { return words } }
	return map[string]func(x *client){
		"last-duplicate-counts": varied(func(x *client, pairs []string) []string {
			return append(pairs, x.d.Keys[keyAccount]+string(x.d.Assign)+"10002")
		}),
		"keys-exact": varied(func(x *client, pairs []string) []string {
			pairs[0] = strings.Replace(pairs[0], x.d.Keys[keyVersion], swapCase(x.d.Keys[keyVersion]), 1)
			return pairs
		}),
		"commands-exact": varied(func(x *client, pairs []string) []string {
			key, name, _ := strings.Cut(pairs[1], string(x.d.Assign))
			pairs[1] = key + string(x.d.Assign) + swapCase(name)
			return pairs
		}),
		"ver-1.5": varied(func(x *client, pairs []string) []string {
			pairs[0] = x.d.Keys[keyVersion] + string(x.d.Assign) + x.d.UnsupportedVersion
			return pairs
		}),
		"ver-absent": varied(func(x *client, pairs []string) []string { return pairs[1:] }),
		"seq-most-16": varied(func(x *client, pairs []string) []string {
			pairs[2] += "01234567890123"
			return pairs
		}),
		"unknown-command-done":   unknown,
		"unknown-command-null":   unknown,
		"unknown-command-closes": unknown,
		"seq-not-echoed":         varied(func(_ *client, pairs []string) []string { return pairs }),
		"seq-echo-8": varied(func(x *client, pairs []string) []string {
			pairs[2] += "0123"
			return pairs
		}),
		"no-reason": func(x *client) {
			x.login(10001)
			x.ask(10001, cmdGetInfo)
			x.ask(10001, cmdMessage)
			x.ask(10001, cmdAddToList)
		},
		"comma-not-escaped": func(x *client) {
			x.ask(10002, cmdLogin, keyPassword, passwordMD5, keyProof, x.d.Proofs[proofMD5])
			x.login(10001, 10002)
			x.seq = "a" + x.d.ListEnd + "bcdef"
			x.ask(10001, cmdList)
			x.seq = "a" + x.d.ListEnd + "bcdef"
			x.ask(10001, cmdQueryStat)
			x.seq = "a" + x.d.ListEnd + "bcdef"
			x.ask(10001, cmdGetInfo, keyTarget, 10002)
		},
		"escapes-decoded-twice": func(x *client) { text("UTF-8", escape(hexOf(x.d.Escape)+"41"))(x) },
		"plus-is-space":         text("UTF-8", plain("1+1")),
		"bad-escape-refused":    text("UTF-8", escape("zz")),
		"line-feed-kept":        text("UTF-8", plain("one\ntwo")),
		"charset-gbk-ignored":   text("gbk", plain("\xc4\xe3\xba\xc3")),
		"gbk-not-guessed":       text("UTF-8", plain("\xc4\xe3\xba\xc3")),
		"text-most-400":         text("UTF-8", plain(strings.Repeat("x", 401))),
	}
}

func hexOf(char byte) string { return string([]byte{hexDigits[char>>4], hexDigits[char&15]}) }

func swapCase(text string) string {
	if upper := strings.ToUpper(text); upper != text {
		return upper
	}
	return strings.ToLower(text)
}

func peopleScripts() map[string]func(x *client) {
	seen := func(status statusID, command commandID) func(x *client) {
		return func(x *client) {
			x.login(10001, 10002)
			x.status(10002, status)
			x.ask(10001, command)
		}
	}
	return map[string]func(x *client){
		"invisible-shows":             seen(statusInvisible, cmdQueryStat),
		"query-stat2-invisible-shows": seen(statusInvisible, cmdQueryStat2),
		"finger-invisible-shows": func(x *client) {
			x.login(10001, 10002)
			x.status(10002, statusInvisible)
			x.ask(10001, cmdFinger, keyAge, 31)
		},
		"notice-of-invisible": seen(statusInvisible, cmdCollect),
		"offline-shows":       seen(statusOffline, cmdQueryStat),
		"away-shows-online":   seen(statusAway, cmdQueryStat),
		"no-notices":          seen(statusAway, cmdCollect),
		"login-keeps-status": func(x *client) {
			x.login(10002)
			x.status(10002, statusOffline)
			x.ask(10002, cmdLogout)
			x.login(10002, 10001)
			x.lists(10001)
			x.ask(10001, cmdFinger)
		},
		"logout-still-shows": func(x *client) {
			x.login(10001, 10002)
			x.ask(10002, cmdLogout)
			x.ask(10001, cmdQueryStat)
		},
		"renewal-told": func(x *client) {
			x.login(10001, 10002)
			x.ask(10001, cmdCollect)
			x.login(10002)
			x.ask(10001, cmdCollect)
		},
		"strangers-show": func(x *client) {
			x.login(10001, 10003)
			x.ask(10001, cmdQueryStat)
		},
		"deletion-one-sided": func(x *client) {
			x.login(10001, 10002)
			x.ask(10001, cmdDelFromList, keyTarget, 10002)
			x.lists(10002)
		},
		"ask-is-open": func(x *client) {
			x.login(10001)
			x.ask(10001, cmdAddToList, keyTarget, 10003)
		},
		"open-asks": func(x *client) {
			x.login(10001)
			x.ask(10001, cmdAddToList, keyTarget, 10020)
		},
		"rejection-befriends": func(x *client) {
			x.login(10001, 10003)
			x.ack(10001, 10003, choiceAsk)
			x.ack(10003, 10001, choiceReject)
			x.lists(10001)
		},
		"acceptance-one-sided": func(x *client) {
			x.login(10001, 10003)
			x.ack(10001, 10003, choiceAsk)
			x.ack(10003, 10001, choiceAccept)
			x.lists(10001)
		},
		"acceptance-untold": func(x *client) {
			x.login(10001, 10003)
			x.ack(10001, 10003, choiceAsk)
			x.ack(10003, 10001, choiceAccept)
			x.ask(10001, cmdCollect)
		},
		"unasked-acceptance":  func(x *client) { x.login(10001); x.ack(10001, 10003, choiceAccept) },
		"closed-may-be-asked": func(x *client) { x.login(10001); x.ack(10001, 10021, choiceAsk) },
		"words-lost": func(x *client) {
			x.login(10001, 10003)
			x.ack(10001, 10003, choiceAsk)
			x.ask(10003,
				cmdCollect)
		},
	}
}

func mailScripts() map[string]func(x *client) {
	write := func(x *client, from, to int, words string) {
		x.ask(from, cmdMessage, keyTarget, to, keyText, words)
	}
	offline := func(x *client) {
		x.login(10001)
		write(x, 10001, 10002, "hello")
		x.login(10002)
		x.ask(10002, cmdCollect)
	}
	twice := func(second string, wait int) func(x *client) {
		return func(x *client) {
			x.login(10001, 10002)
			x.seq = "mark-one"
			write(x, 10001, 10002, "hello")
			x.wait(wait)
			x.seq = "mark-one"
			write(x, 10001, 10002, second)
			x.ask(10002, cmdCollect)
		}
	}
	several := func(number int) func(x *client) {
		return func(x *client) {
			x.login(10001)
			for i := range number {
				write(x, 10001, 10002, "number "+formatUIN(uint32(i)))
			}
			x.login(10002)
			x.ask(10002, cmdCollect)
		}
	}
	return map[string]func(x *client){
		"message-twice-if-offline": offline,
		"message-lost-if-offline":  offline,
		"text-has-type-8":          offline,
		"newest-first":             several(2),
		"batch-of-10":              several(11),
		"duplicates-take-effect":   twice("hello", 0),
		"duplicates-for-30":        twice("hello", 60),
		"seq-whatever-content":     twice("other words", 0),
		"seq-across-accounts": func(x *client) {
			x.login(10001, 10003, 10002)
			for _, from := range []int{10001, 10003} {
				x.seq = "mark-one"
				write(x, from, 10002, "hello")
			}
			x.ask(10002, cmdCollect)
		},
		"seq-across-commands": func(x *client) {
			x.login(10001)
			for range 4 {
				x.seq = "mark-one"
				write(x, 10001, 10002, "hello")
			}
			x.seq = "mark-one"
			x.ask(10001, cmdAddToList, keyTarget, 10003)
			x.seq = "mark-one"
			x.ack(10001, 10003, choiceAsk)
			x.seq = "mark-one"
			x.ask(10001, cmdDelFromList, keyTarget, 10002)
		},
		"repeat-gives-nothing": func(x *client) {
			x.login(10001)
			write(x, 10001, 10001, "a note")
			for range 2 {
				x.seq = "mark-one"
				x.ask(10001, cmdCollect)
			}
		},
		"logout-drops-mail": func(x *client) {
			x.login(10001, 10002)
			write(x, 10001, 10002, "hello")
			x.ask(10002, cmdLogout)
			x.login(10002)
			x.ask(10002, cmdCollect)
		},
		"note-to-self-refused": func(x *client) { x.login(10001); write(x, 10001, 10001, "a note") },
	}
}

func httpScripts() map[string]func(x *client) {
	post := func(x *client) { x.raw(http.MethodPost, http.Header{}) }
	return map[string]func(x *client){
		"get-is-answered":   func(x *client) { x.raw(http.MethodGet, http.Header{}) },
		"content-type-bare": post,
		"no-content-type":   post,
		"no-content-length": post,
		"never-keeps":       post,
		"close-ignored":     func(x *client) { x.raw(http.MethodPost, http.Header{"Connection": {"close"}}) },
		"empty-text-500": func(x *client) {
			x.login(10001)
			x.ask(10001, cmdMessage, keyTarget, 10002, keyText, "")
		},
	}
}

// lists requests all lists that show friends.
func (x *client) lists(uin int) {
	for _, c := range []commandID{cmdList, cmdQueryStat, cmdQueryStat2, cmdSimpleInfo2} {
		x.ask(uin, c)
	}
}
