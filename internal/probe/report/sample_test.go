package report_test

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// sample is a study as they come out, of HTTP QQ 1.1. With two servers it has
// differences.
func sample(servers int) *finding.Study {
	study := &finding.Study{
		Schema: finding.Schema, Name: "HTTP QQ 1.1", Servers: []string{"http://127.0.0.1:8000/"},
		Began: "2026-08-14T09:12:44Z", Seed: 20050617, Budget: 3000, Requests: []int{2874},
		Experiment: "# HTTP QQ 1.1\nname: HTTP QQ 1.1\nserver: http://127.0.0.1:8000/\n\naccounts:\n  a: " +
			"{account: 10001, secret: \"${PROBE_A}\"}\n",
		Tries: 1033, Faults: 11, Seconds: 754.31,
		Commands: sampleCommands(), Facts: sampleFacts(), Matrix: sampleMatrix(), Fields: sampleFields(),
		Codes: sampleCodes(), Walks: sampleWalks(), Machines: sampleMachines(), Timers: sampleTimers(),
		Noise: []finding.VolatileField{
			{Command: "Login", Key: "TM", Values: []string{"1786698764", "1786698765", "1786698771"}},
			{Command: "GetMsgEx", Key: "TM", Values: []string{"1786698802", "1786698803"}},
		},
		Untested: sampleGaps(), Phases: samplePhases(), Scenarios: sampleScenarios(),
	}
	if servers == 2 {
		study.Servers = append(study.Servers, "http://127.0.0.1:8001/")
		study.Requests = append(study.Requests, 2866)
		study.Differences = sampleDifferences()
		study.Sightings = sampleDifferences()[:1]
		study.Stopped = "the budget of 3,000 requests to each server was used up"
	}
	return study
}

func exchangeBlock(id, request, response string) finding.Exchange {
	return finding.Exchange{ID: id, Request: request, Response: response}
}

func sampleCommands() []finding.CommandSummary {
	return []finding.CommandSummary{
		{Name: "Login", Purposes: []string{"login"}, Works: true, Session: "not needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "PS", "M5", "LC"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES", "RS", "HI", "LI"},
			Effect:      "begins a session; friends get MT=99",
			Example: exchangeBlock("a3.1",
				"VER=1.1&CMD=Login&SEQ=4711&UIN=10001&PS={md5(secret)}&M5=1&LC=9326B87B234E7235",
				"VER=1.1&CMD=Login&SEQ=4711&UIN=10001&RES=0&RS=0&HI=60&LI=300")},
		{Name: "Logout", Purposes: []string{"logout"}, Works: true, Session: "not needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES"}, Effect: "ends the session",
			Example: exchangeBlock("a4.2", "VER=1.1&CMD=Logout&SEQ=4712&UIN=10001",
				"VER=1.1&CMD=Logout&SEQ=4712&UIN=10001&RES=0")},
		{Name: "Change_Stat", Purposes: []string{"status"}, Works: true, Session: "needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "ST"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES"}, Effect: "what friends see in Query_Stat",
			Example: exchangeBlock("a5.2", "VER=1.1&CMD=Change_Stat&SEQ=4713&UIN=10001&ST=10",
				"VER=1.1&CMD=Change_Stat&SEQ=4713&UIN=10001&RES=0")},
		{Name: "List", Purposes: []string{"friends"}, Works: true, Session: "needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "TN", "UN"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES", "FN", "SN", "UN"},
			Example: exchangeBlock("a6.2", "VER=1.1&CMD=List&SEQ=4714&UIN=10001&TN=160&UN=0",
				"VER=1.1&CMD=List&SEQ=4714&UIN=10001&RES=0&FN=1&SN=2&UN=10002,10003,")},
		{Name: "Query_Stat", Purposes: []string{"online"}, Works: true, Session: "needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "TN", "UN"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES", "FC", "FN", "SN", "ST", "UN", "NK"},
			Example: exchangeBlock("a7.3", "VER=1.1&CMD=Query_Stat&SEQ=4715&UIN=10001&TN=50&UN=0",
				"VER=1.1&CMD=Query_Stat&SEQ=4715&UIN=10001&RES=0&"+
					"FC=0,270,&FN=1&SN=2&ST=10,30,&UN=10002,10003,&NK=Pingu%2c Jr,Tom %26 Jerry,")},
		{Name: "GetInfo", Purposes: []string{"info"}, Works: true, Session: "needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "LV", "UN"},
			AnswerKeys:  strings.Fields("VER CMD SEQ UIN RES AD AG EM FC HP JB LV PC PH PR PV RN SC SX UN NK"),
			Example: exchangeBlock("a8.2", "VER=1.1&CMD=GetInfo&SEQ=4716&UIN=10001&LV=2&UN=10002",
				"VER=1.1&CMD=GetInfo&SEQ=4716&UIN=10001&RES=0&"+
					"AD=&AG=0&EM=&FC=0&HP=&JB=&LV=2&PC=&PH=&PR=&PV=&RN=&SC=&SX=0&UN=10002&NK=企鹅")},
		{Name: "AddToList", Purposes: []string{"add"}, Works: true, Session: "needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "UN"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES", "CD", "UN"},
			Effect:      "none while the other asks for requests",
			Example: exchangeBlock("a9.2", "VER=1.1&CMD=AddToList&SEQ=4717&UIN=10001&UN=10003",
				"VER=1.1&CMD=AddToList&SEQ=4717&UIN=10001&RES=0&CD=1&UN=10003")},
		{Name: "CLTMSG", Purposes: []string{"send"}, Works: true, Session: "needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "UN", "MG"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES"}, Effect: "the other gets MT=9 in GetMsgEx",
			Example: exchangeBlock("a11.2", "VER=1.1&CMD=CLTMSG&SEQ=4719&UIN=10001&UN=10002&MG=fish & chips, 100%?",
				"VER=1.1&CMD=CLTMSG&SEQ=4719&UIN=10001&RES=0")},
		{Name: "GetMsgEx", Purposes: []string{"receive"}, Works: true, Session: "needed",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES", "MN", "MT", "UN", "MG"},
			Effect:      "takes what waits",
			Example: exchangeBlock("a12.3", "VER=1.1&CMD=GetMsgEx&SEQ=4720&UIN=10002",
				"VER=1.1&CMD=GetMsgEx&SEQ=4720&UIN=10002&RES=0&MN=1&MT=9,&UN=10001,&MG=fish %26 chips%2c 100%25?,")},
		{Name: "Finger", Purposes: []string{"find"}, Works: false, Session: "not known",
			RequestKeys: []string{"VER", "CMD", "SEQ", "UIN", "AG", "SX", "PV", "UN"},
			AnswerKeys:  []string{"VER", "CMD", "SEQ", "UIN", "RES", "RA"},
			Example: exchangeBlock("a13.2", "VER=1.1&CMD=Finger&SEQ=4721&UIN=10001&AG=&SX=&PV=&UN=0",
				"VER=1.1&CMD=Finger&SEQ=4721&UIN=10001&RES=2&RA=Finger is not known here")},
	}
}

func sampleFields() []finding.AnswerField {
	f := func(command, key string, place int, kind, of string, grade finding.Grade,
		values ...string) finding.AnswerField {
		return finding.AnswerField{Command: command, Key: key, Place: place, Kind: kind, Of: of, Values: values,
			Grade: grade}
	}
	selected := []finding.AnswerField{
		f("Login", "VER", 1, "echo", "VER", finding.Confirmed, "1.1"),
		f("Login", "CMD", 2, "constant", "", finding.Confirmed, "Login"),
		f("Login", "SEQ", 3, "echo", "SEQ", finding.Confirmed),
		f("Login", "UIN", 4, "echo", "UIN", finding.Confirmed, "10001", "10002"),
		f("Login", "RES", 5, "enum", "", finding.Confirmed, "0", "1", "5"),
		f("Login", "RS", 6, "enum", "", finding.Confirmed, "0", "1"),
		f("Login", "HI", 7, "constant", "", finding.Confirmed, "60"),
		f("Login", "LI", 8, "constant", "", finding.Confirmed, "300"),
		f("Login", "RA", 9, "text", "", finding.Observed, "Password error", "Password error, wait 28 s"),
		f("List", "FN", 6, "enum", "", finding.Confirmed, "0", "1"),
		f("List", "SN", 7, "number", "", finding.Confirmed, "0", "1", "2", "49", "50", "51", "120", "160"),
		f("List", "UN", 8, "list", "accounts", finding.Confirmed, "", "10002,", "10002,10003,"),
		f("Query_Stat", "FC", 6, "list", "numbers", finding.Confirmed, "0,270,"),
		f("Query_Stat", "ST", 9, "list", "10, 30", finding.Confirmed, "10,30,"),
		f("Query_Stat", "NK", 11, "list", "texts", finding.Observed, "Pingu%2c Jr,Tom %26 Jerry,"),
		f("GetMsgEx", "MN", 6, "number", "", finding.Confirmed, "0", "1", "2", "50"),
		f("GetMsgEx", "MT", 7, "list", "9, 99, 2, 3, 4", finding.Confirmed, "9,", "9,99,"),
		f("GetMsgEx", "UN", 8, "list", "accounts", finding.Confirmed, "10001,"),
		f("GetMsgEx", "MG", 9, "list", "texts", finding.Confirmed, "fish %26 chips%2c 100%25?,"),
	}
	for i := range selected {
		if selected[i].Key == "RA" {
			selected[i].When = "RS=1 or RES is not 0"
		} else if selected[i].Key == "HI" || selected[i].Key == "LI" {
			selected[i].When = "RS=0"
		}
	}
	return selected
}

func sampleCodes() []finding.CodeUsage {
	var out []finding.CodeUsage
	add := func(command, state, code string, count int) {
		request := "VER=1.1&CMD=" + command + "&SEQ=5000&UIN=10001"
		out = append(out, finding.CodeUsage{Command: command, State: state, Code: code, Count: count,
			Example: exchangeBlock(fmt.Sprintf("a%d.2", 100+len(out)), request, request+"&RES="+code)})
	}
	for i, command := range sampleCommands() {
		open := command.Session == "not needed"
		if open {
			add(command.Name, "never logged in", "0", 14+i)
			add(command.Name, "logged out", "0", 9+i)
		} else {
			add(command.Name, "never logged in", "20", 12+i)
			add(command.Name, "logged out", "20", 8+i)
			add(command.Name, "timed out", "20", 3)
		}
		add(command.Name, "logged in", "0", 1040-90*i)
		if len(command.RequestKeys) > 4 {
			add(command.Name, "logged in", "1", 31+i)
			add(command.Name, "logged in", "5", 4+i)
		}
	}
	return out
}

func sampleWalks() []finding.PageWalk {
	page := func(cursor, id, marker string, from, count int) finding.ListPage {
		page := finding.ListPage{Cursor: cursor, ID: id, Marker: marker, Elements: []string{}}
		for i := range count {
			page.Elements = append(page.Elements, fmt.Sprint(from+i))
		}
		return page
	}
	long := finding.PageWalk{Command: "List", Role: "many", Size: 7, Ended: "FN=1 on the last page"}
	for i := range 18 {
		count, marker := 7, "FN=0"
		if i == 17 {
			count, marker = 1, "FN=1"
		}
		long.Pages = append(long.Pages, page(fmt.Sprint(11000+7*i), fmt.Sprintf("a%d.2", 400+i), marker, 11001+7*i,
			count))
	}
	return []finding.PageWalk{
		{Command: "List", Role: "many", Size: 50, Ended: "FN=1 on the last page",
			Pages: []finding.ListPage{page("0", "a301.2", "FN=0", 11001, 50),
				page("11050", "a301.3", "FN=0", 11051, 50), page("11100", "a301.4", "FN=1", 11101, 20)}},
		{Command: "Query_Stat", Role: "many", Size: 40,
			Ended: "FN=1, and asking on from the last element gave an empty page",
			Pages: []finding.ListPage{page("0", "a302.2", "FN=1", 11001, 40), page("11040", "a302.3", "FN=1", 0, 0)}},
		long,
	}
}

func sampleTimers() []finding.Timer {
	points := func(first int, alive float64, at ...float64) []finding.TimerPoint {
		var out []finding.TimerPoint
		for i, after := range at {
			out = append(out, finding.TimerPoint{After: after, Alive: after <= alive,
				ID: fmt.Sprintf("a%d.3", first+i)})
		}
		return out
	}
	return []finding.Timer{
		{Name: "session", Low: 299, High: 301, Kind: "idle",
			RefreshedBy: []string{"List", "Query_Stat", "GetMsgEx", "Change_Stat"},
			NotBy:       []string{"Login with a wrong password"},
			Points:      points(500, 299, 15, 45, 135, 405, 270, 337, 303, 286, 294, 298, 301, 299)},
		{Name: "lock after failed logins", Low: 25, High: 31, Kind: "absolute",
			Points: points(520, 25, 1, 2, 3, 5, 10, 15, 25, 31, 45, 135, 405, 3600)},
		{Name: "repeat of SEQ", Low: 86400, High: 0, Kind: "not known",
			Points: points(540, 86400, 60, 600, 3600, 86400)},
	}
}

func sampleGaps() []finding.UntestedItem {
	return []finding.UntestedItem{
		{What: "DelFromList", Why: "it is destructive, and the file does not allow that"},
		{What: "Finger", Why: "its base request was never done: RES=2"},
		{What: "timer: requests that wait", Why: "waiting 2,419,200 s is more than limits: wait allows"},
		{What: "charset GB18030 in NK", Why: "no account has such a name"},
		{What: "pairs of parameters of GetInfo", Why: "the budget was used up"},
		{What: "PS, M5, LC of Login", Why: "the budget was used up", Requests: 60},
	}
}

func sampleScenarios() []finding.ScenarioRecord {
	return []finding.ScenarioRecord{{
		Name: "login by other means", Facts: []string{"Login/parameter/M5/values", "Login/session/second login/renews"},
		Steps: []finding.ScenarioStep{
			{Step: "a Login M5=0", Exchange: exchangeBlock("a2.1", "VER=1.1&CMD=Login&SEQ=1&UIN=10001&PS={secret}&M5=0",
				"VER=1.1&CMD=Login&SEQ=1&UIN=10001&RES=0&RS=0")},
			{Step: "wait 30s", Wait: 30},
			{Step: "a Login M5=3", Exchange: exchangeBlock("a2.3", "VER=1.1&CMD=Login&SEQ=2&UIN=10001&PS={secret}&M5=3",
				"VER=1.1&CMD=Login&SEQ=2&UIN=10001&RES=0&RS=1")},
		},
	}}
}

func samplePhases() []finding.PhaseSummary {
	return []finding.PhaseSummary{
		{Name: "meet", Requests: 48, Seconds: 3.1, Facts: 12},
		{Name: "sessions", Requests: 211, Seconds: 19.4, Facts: 31},
		{Name: "parameters", Requests: 1304, Seconds: 402.8, Facts: 148},
		{Name: "fields", Requests: 388, Seconds: 88.0, Facts: 61},
		{Name: "paging", Requests: 166, Seconds: 31.7, Facts: 14},
		{Name: "machines", Requests: 612, Seconds: 170.2, Facts: 9},
		{Name: "timers", Requests: 145, Seconds: 39.1, Facts: 7, Ended: "the budget was used up"},
	}
}
