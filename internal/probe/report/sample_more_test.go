package report_test

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// fact states one; what is left out is filled with what fits the grade.
func fact(id int, grade finding.Grade, command string, aspect finding.Aspect, name, claim, value,
	statement string) finding.Fact {
	fact := finding.Fact{
		ID: strings.Join([]string{command, string(aspect), name, claim}, "/"), Command: command, Aspect: aspect,
		Name: name, Claim: claim,
		Value: value, Statement: statement, Grade: grade, Scope: "logged in",
		Evidence: []string{fmt.Sprintf("a%d.2", id), fmt.Sprintf("a%d.2", id+1), fmt.Sprintf("a%d.3", id+4)},
		Witness: []finding.WitnessStep{
			{Step: "a Login", Answer: "VER=1.1&CMD=Login&SEQ={seq}&UIN={me}&RES=0&RS=0&HI=60&LI=300"},
			{Step: "a " + strings.ReplaceAll(command, "*", "List") + " -" + strings.ReplaceAll(name, " ", ""),
				Answer: "VER=1.1&CMD=" + command + "&SEQ={seq}&UIN={me}&RES=1&RA=..."},
		},
		Replay: fmt.Sprintf("rookery probe replay transcript.jsonl http://127.0.0.1:8000/ --only a%d", id),
	}
	switch grade {
	case finding.Confirmed:
		fact.Observations, fact.Sessions, fact.Attacks = 6+id%9, 2+id%3, 3+id%4
	case finding.Observed:
		fact.Observations, fact.Sessions = 1+id%3, 1
	case finding.Contested:
		fact.Observations, fact.Sessions, fact.Against = 3, 2, []string{"a711.4", "a712.4"}
	case finding.Untested:
		fact.Evidence, fact.Witness, fact.Replay = nil, nil, ""
	}
	return fact
}

func sampleFacts() []finding.Fact {
	C, O, I := finding.Confirmed, finding.Observed, finding.Inferred
	selected := []finding.Fact{
		fact(20, C, "*", finding.AspectSession, "session", "needs", "RES=20",
			"Without a session every command but Login and Logout answers RES=20"),
		fact(24, C, "Login", finding.AspectSession, "second login", "renews", "",
			"A second login from the same address renews the session"),
		fact(28, C, "Login", finding.AspectSession, "other address", "ends", "RES=20",
			"A login from another address ends the session at the first"),
		fact(31, C, "Logout", finding.AspectSession, "without a session", "done", "RES=0",
			"Logout answers RES=0 whether or not one is logged in"),
		fact(33, O, "Login", finding.AspectSession, "failed logins", "lock after", "5",
			"After 5 failed logins the next one is refused with the right password too"),
		fact(40, C, "Login", finding.AspectParameter, "M5", "values", "0, 1",
			"M5 is 0 or 1; with other values, and without it, the login fails as with a wrong password"),
		fact(44, C, "Login", finding.AspectParameter, "LC", "ignored", "", "LC may hold anything, or be left out"),
		fact(48, C, "List", finding.AspectParameter, "TN", "default", "160", "TN left out, empty or 0 means 160"),
		fact(52, C, "List", finding.AspectParameter, "TN", "maximum", "1000", "TN above 1000 means 1000"),
		fact(55, C, "List", finding.AspectParameter, "TN", "minimum", "0", "A negative TN is refused with RES=1"),
		fact(58, C, "Query_Stat", finding.AspectParameter, "TN", "default", "50", "TN left out, empty or 0 means 50"),
		fact(62, O, "GetInfo", finding.AspectParameter, "LV", "values", "1, 2, 3",
			"LV is 1, 2 or 3; anything else is refused with RES=1"),
		fact(66, C, "CLTMSG", finding.AspectParameter, "MG", "required", "",
			"MG left out or empty is refused with RES=1"),
		fact(70, C, "CLTMSG", finding.AspectParameter, "MG", "length", "4000", "MG holds at most 4000 bytes"),
		fact(74, C, "*", finding.AspectParameter, "keys", "case", "",
			"Keys and names of commands are read without regard to case"),
		fact(78, C, "*", finding.AspectParameter, "duplicates", "first", "",
			"Of a key that is given twice the first counts"),
		fact(80, C, "*", finding.AspectParameter, "VER", "other", "NULL",
			"A version that is not known is answered with the four letters NULL"),
		fact(90, C, "List", finding.AspectField, "SN", "length of", "UN", "SN is the number of elements of UN"),
		fact(92, C, "List", finding.AspectField, "UN", "sorted", "rising", "UN rises"),
		fact(94, C, "Query_Stat", finding.AspectField, "NK", "parallel", "UN",
			"FC, ST, UN and NK have equally many elements"),
		fact(96, C, "*", finding.AspectField, "lists", "trailing comma", "",
			"Each element of a list is followed by a comma; an empty list is empty"),
		fact(98, C, "Login", finding.AspectField, "LI", "constant", "300", "LI is always 300"),
		fact(99, finding.Refuted, "List", finding.AspectField, "SN", "constant", "2", "SN is always 2"),
		fact(301, C, "List", finding.AspectPaging, "UN", "exclusive", "",
			"A page begins with the first account above UN; UN itself is not in it"),
		fact(303, C, "List", finding.AspectPaging, "FN", "last", "FN=1", "FN is 1 on the last page, and 0 before"),
		fact(305, O, "Query_Stat", finding.AspectPaging, "UN", "order", "rising", "Pages come by rising UIN"),
		fact(500, C, "*", finding.AspectTimer, "session", "length", "299 to 301 s",
			"A session ends between 299 and 301 s after the last request"),
		fact(507, C, "*", finding.AspectTimer, "session", "kind", "idle", "A session lives as long as requests come"),
		fact(520, O, "Login", finding.AspectTimer, "lock", "length", "25 to 31 s",
			"The lock after failed logins ends between 25 and 31 s"),
		fact(600, C, "Change_Stat", finding.AspectPresence, "invisible", "hidden", "ST=40",
			"To friends, invisible looks like offline, in Query_Stat and in MT=99"),
		fact(604, I, "Change_Stat", finding.AspectPresence, "ST=20", "keeps session", "",
			"A status of offline does not end the session"),
		fact(610, C, "GetMsgEx", finding.AspectMessage, "offline", "once", "",
			"A message to someone who is away arrives with the next login, once"),
		fact(614, C, "CLTMSG", finding.AspectMessage, "SEQ", "repeat", "120 s",
			"The same SEQ with the same content sends no second message"),
		fact(618, finding.Contested, "GetMsgEx", finding.AspectMessage, "order", "first", "stored before MT=99",
			"Messages come before notices of a changed status"),
		fact(630, C, "AddToList", finding.AspectFriendship, "ask", "CD", "1",
			"To an account that asks for requests nothing changes, and CD is 1"),
		fact(634, O, "Ack_AddToList", finding.AspectFriendship, "CD=0", "mutual", "",
			"After a request is accepted each stands in the other's list"),
		fact(640, C, "*", finding.AspectEncoding, "escapes", "once", "", "%XX in a request is decoded once"),
		fact(644, C, "*", finding.AspectEncoding, "answer escapes", "set", "% & ,",
			"In answers %, & and , are escaped, in small letters, and nothing else"),
		fact(648, O, "CLTMSG", finding.AspectEncoding, "charset", "gbk", "",
			"charset=gbk in Content-Type makes the request be read as GBK; answers stay UTF-8"),
		fact(660, C, "*", finding.AspectTransport, "content type", "ignored", "",
			"Content-Type does not change how a body is parsed, but for its charset"),
		fact(664, C, "*", finding.AspectTransport, "unknown keys", "no effect", "",
			"Keys that are not known have no effect"),
		fact(690, finding.Untested, "GetInfo", finding.AspectParameter, "LV and UN", "interaction", "",
			"whether LV and UN depend on each other"),
	}
	for i := range selected {
		switch selected[i].Name {
		case "unknown keys":
			selected[i].Bound = "no effect in 60 clean tries: under 5 % at 95 %"
		case "session":
			selected[i].Scope = "never logged in, logged out, timed out"
		}
	}
	return selected
}

var sampleVariants = []string{"absent", "empty", "negative", "0", "no number", "very long", "twice", "lower case"}

func sampleMatrix() []finding.MatrixRow {
	types := map[string]string{"TN": "count", "UN": "account", "MG": "text", "SEQ": "opaque", "UIN": "account",
		"VER": "enum", "PS": "secret", "M5": "enum", "LC": "opaque", "ST": "enum", "LV": "enum"}
	var out []finding.MatrixRow
	id := 1000
	for _, command := range sampleCommands() {
		for _, key := range command.RequestKeys {
			if key == "CMD" || len(out) == 30 {
				continue
			}
			row := finding.MatrixRow{Command: command.Name, Key: key, Type: types[key], Base: command.Example}
			for i, value := range sampleVariants {
				if value == "negative" && types[key] == "text" {
					continue
				}
				id++
				row.Cells = append(row.Cells, sampleCell(command, key, value, i+len(out), id))
			}
			if key == "TN" {
				row.Cells = append(row.Cells, sampleCell(command, key, "1001", 1, id+5000))
			}
			out = append(out, row)
		}
	}
	return out
}

func sampleCell(command finding.CommandSummary, key, variant string, count, id int) finding.MatrixCell {
	outcome, code := "same", "0"
	switch {
	case key == "VER" && variant != "twice" && variant != "lower case":
		outcome, code = "other", ""
	case key == "UIN" && (variant == "absent" || variant == "empty" || variant == "no number" || variant == "negative"):
		outcome, code = "refused", "5"
	case key == "UIN" && variant == "0":
		outcome, code = "no session", "20"
	case variant == "very long" && count%3 == 0:
		outcome, code = "nothing", ""
	case variant == "very long" && count%3 == 1:
		outcome, code = "status", "413"
	case (key == "TN" || key == "ST" || key == "LV" || key == "UN") &&
		(variant == "negative" || variant == "no number"):
		outcome, code = "refused", "1"
	case (key == "TN" || key == "PS" || key == "M5") && variant == "absent":
		outcome = "other"
	}
	request := strings.Replace(command.Example.Request, "&"+key+"=", "&"+key+"=x", 1)
	if variant == "absent" {
		index := strings.Index(command.Example.Request+"&", key+"=")
		request = command.Example.Request[:index] +
			strings.TrimLeft(strings.TrimLeft(command.Example.Request[index:],
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=."), "&")
	}
	response := command.Example.Response
	switch outcome {
	case "refused", "no session":
		response = response[:strings.Index(response, "RES=")] + "RES=" + code
		if code == "1" {
			response += "&RA=" + key + " is no number"
		}
	case "nothing":
		response = ""
	case "status":
		response = "status 413: Request Entity Too Large"
	case "other":
		response = strings.Replace(response, "RES=0", "RES=0&RS=1&RA=Password error", 1)
	}
	return finding.MatrixCell{Variant: variant, Outcome: outcome, Code: code,
		Exchange: exchangeBlock(fmt.Sprintf("a%d.2", id), request, response)}
}

func sampleMachines() []finding.StateMachine {
	return []finding.StateMachine{sessionMachine(), friendshipMachine()}
}

// sessionMachine is what two accounts can do to each other's sessions: each is
// out, in, or in and invisible.
func sessionMachine() finding.StateMachine {
	machine := finding.StateMachine{Aspect: "session and visibility", Queries: 688,
		Guarantee: "complete up to 8 states (HSI suite, 412 tests), and 300 random tests of up to 24 steps " +
			"without a counterexample",
		Inputs: []string{"a Login", "a Login PS=wrong", "a Logout", "a Change_Stat ST=40", "a Change_Stat ST=10",
			"a List", "b Login", "b Logout", "b Query_Stat", "a@2 Login"}}
	names := []string{"both out", "a in", "b in", "both in", "a invisible", "a invisible, b in", "a at 2"}
	access := [][]string{nil, {"a Login"}, {"b Login"}, {"a Login", "b Login"}, {"a Login", "a Change_Stat ST=40"},
		{"a Login", "b Login", "a Change_Stat ST=40"}, {"a@2 Login"}}
	for i, n := range names {
		machine.States = append(machine.States, finding.MachineState{Name: n, Access: access[i]})
	}
	next := map[string]map[string]string{
		"both out": {"a Login": "a in", "b Login": "b in", "a@2 Login": "a at 2"},
		"a in": {"a Logout": "both out", "a Change_Stat ST=40": "a invisible", "b Login": "both in",
			"a@2 Login": "a at 2"},
		"b in":    {"a Login": "both in", "b Logout": "both out"},
		"both in": {"a Logout": "b in", "b Logout": "a in", "a Change_Stat ST=40": "a invisible, b in"},
		"a invisible": {"a Logout": "both out", "a Change_Stat ST=10": "a in", "b Login": "a invisible, b in",
			"a@2 Login": "a at 2"},
		"a invisible, b in": {"a Logout": "b in", "a Change_Stat ST=10": "both in", "b Logout": "a invisible"},
		"a at 2":            {"a Login": "a in", "b Login": "b in"},
	}
	for _, from := range names {
		for _, input := range machine.Inputs {
			to := next[from][input]
			if to == "" {
				to = from
			}
			machine.Transitions = append(machine.Transitions,
				finding.MachineTransition{From: from, Input: input, To: to, Output: sessionOutput(from, input)})
		}
	}
	machine.DOT = dotOf(machine)
	return machine
}

func sessionOutput(from, input string) string {
	aIn := strings.Contains(from, "a in") || from == "both in"
	bIn := strings.Contains(from, "b in") || from == "both in"
	switch {
	case strings.HasSuffix(input, "PS=wrong"):
		return "RES=0&RS=1&RA=..."
	case strings.HasSuffix(input, "Login"):
		return "RES=0&RS=0&HI=60&LI=300"
	case strings.HasSuffix(input, "Logout"):
		return "RES=0"
	case input == "b Query_Stat" && bIn && from == "both in":
		return "RES=0&FC=0,&FN=1&SN=1&ST=10,&UN={a},&NK=Ann,"
	case input == "b Query_Stat" && bIn:
		return "RES=0&FC=&FN=1&SN=0&ST=&UN=&NK="
	case strings.HasPrefix(input, "a ") && aIn:
		return "RES=0"
	}
	return "RES=20"
}

func friendshipMachine() finding.StateMachine {
	machine := finding.StateMachine{Aspect: "friendship", Queries: 214,
		Guarantee: "complete up to 6 states, and 120 random tests without a counterexample",
		Inputs: []string{"a AddToList to b", "a Ack_AddToList.request to b", "b Ack_AddToList.accept to a",
			"b Ack_AddToList.reject to a", "a DelFromList to b", "b Block a"},
		States: []finding.MachineState{{Name: "s0"}, {Name: "s1", Access: []string{"a Ack_AddToList.request to b"}},
			{Name: "s2", Access: []string{"a Ack_AddToList.request to b", "b Ack_AddToList.accept to a"}},
			{Name: "s3", Access: []string{"b Block a"}}},
	}
	next := map[string]map[string]string{
		"s0": {"a Ack_AddToList.request to b": "s1", "b Block a": "s3"},
		"s1": {"b Ack_AddToList.accept to a": "s2", "b Ack_AddToList.reject to a": "s0", "b Block a": "s3"},
		"s2": {"a DelFromList to b": "s0", "b Block a": "s3"},
	}
	for _, state := range machine.States {
		for _, input := range machine.Inputs {
			to, output := next[state.Name][input], "RES=0"
			switch {
			case to == "" && state.Name == "s3":
				output = "RES=3"
			case to == "" && strings.HasPrefix(input, "b Ack"):
				output = "RES=1"
			case input == "a AddToList to b":
				output = "RES=0&CD=1&UN={b}"
			}
			if to == "" {
				to = state.Name
			}
			machine.Transitions = append(machine.Transitions,
				finding.MachineTransition{From: state.Name, Input: input, Output: output, To: to})
		}
	}
	machine.DOT = dotOf(machine)
	return machine
}

func dotOf(machine finding.StateMachine) string {
	var result strings.Builder
	result.WriteString("digraph g {\n\t__start0 [label=\"\" shape=\"none\"];\n\n")
	index := map[string]int{}
	for i, state := range machine.States {
		index[state.Name] = i
		fmt.Fprintf(&result, "\ts%d [shape=\"circle\" label=%q];\n", i, state.Name)
	}
	for _, transition := range machine.Transitions {
		fmt.Fprintf(&result, "\ts%d -> s%d [label=%q];\n", index[transition.From], index[transition.To],
			transition.Input+" / "+transition.Output)
	}
	result.WriteString("\n\t__start0 -> s0;\n}\n")
	return result.String()
}

func sampleDifferences() []finding.ServerDifference {
	return []finding.ServerDifference{
		{Command: "List", Aspect: finding.AspectPaging, Name: "UN",
			Summary:  "B begins a page with the account that UN names; A begins with the one above it",
			Replayed: "5 of 5",
			Commands: []string{"Query_Stat"},
			Witness: []finding.PairedExchange{
				{Role: "many", Step: "many Login",
					Request: "VER=1.1&CMD=Login&SEQ=8001&UIN=10004&PS={md5(secret)}&M5=1&LC=9326B87B234E7235",
					A:       "VER=1.1&CMD=Login&SEQ=8001&UIN=10004&RES=0&RS=0&HI=60&LI=300",
					B:       "VER=1.1&CMD=Login&SEQ=8001&UIN=10004&RES=0&RS=0&HI=60&LI=300"},
				{Role: "many", Step: "many List TN=3 UN=11002",
					Request: "VER=1.1&CMD=List&SEQ=8002&UIN=10004&TN=3&UN=11002",
					A:       "VER=1.1&CMD=List&SEQ=8002&UIN=10004&RES=0&FN=0&SN=3&UN=11003,11004,11005,",
					B:       "VER=1.1&CMD=List&SEQ=8002&UIN=10004&RES=0&FN=0&SN=3&UN=11002,11003,11004,"},
			}},
		{Command: "*", Aspect: finding.AspectTimer, Name: "session",
			Summary: "A's session ends between 299 and 301 s, B's between 179 and 181 s", Replayed: "5 of 5",
			Witness: []finding.PairedExchange{
				{Role: "a", Step: "a Login",
					Request: "VER=1.1&CMD=Login&SEQ=8101&UIN=10001&PS={md5(secret)}&M5=1&LC=9326B87B234E7235",
					A:       "VER=1.1&CMD=Login&SEQ=8101&UIN=10001&RES=0&RS=0&HI=60&LI=300",
					B:       "VER=1.1&CMD=Login&SEQ=8101&UIN=10001&RES=0&RS=0&HI=60&LI=300"},
				{Wait: 240, Step: "wait 240"},
				{Role: "a", Step: "a GetMsgEx", Request: "VER=1.1&CMD=GetMsgEx&SEQ=8102&UIN=10001",
					A: "VER=1.1&CMD=GetMsgEx&SEQ=8102&UIN=10001&RES=0&MN=0&MT=&UN=&MG=",
					B: "VER=1.1&CMD=GetMsgEx&SEQ=8102&UIN=10001&RES=20"},
			}},
		{Command: "CLTMSG", Aspect: finding.AspectEncoding, Name: "bytes that are no UTF-8",
			Summary: "B answers nothing to a text in GBK without a charset", Replayed: "4 of 5",
			Witness: []finding.PairedExchange{
				{Role: "a", Step: "a CLTMSG to b MG=\\xc6\\xf3", From: "127.0.0.2", HTTP: "http/1.0",
					RequestBase64: []byte("VER=1.1&CMD=CLTMSG&SEQ=8203&UIN=10001&UN=10002&MG=\xc6\xf3\xb6\xec"),
					A:             "VER=1.1&CMD=CLTMSG&SEQ=8203&UIN=10001&RES=0", B: ""},
			}},
	}
}
