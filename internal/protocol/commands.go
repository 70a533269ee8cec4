package protocol

import "github.com/rookery-im/rookery/wire"

// command is one row of the table: what a command reads and what it needs.
type command struct {
	name string
	// keys are those that it reads, besides VER, CMD, SEQ and UIN, which all
	// read.
	keys []string
	// session: only for who is logged in.
	session bool
	// changing: it is remembered by its SEQ, so that a repeat has no second
	// effect.
	changing bool
	// always: no parameter can be wrong.
	always bool
	// messageRun does it and writes the answer. It changes nothing if it returns an
	// error.
	run func(*request) error
}

type table []command

var commands = table{
	{name: "Login", keys: []string{"PS", "M5", "LC", "ST"}, run: login},
	{name: "Logout", always: true, run: logout},
	{name: "Change_Stat", keys: []string{"ST"}, session: true, changing: true, run: changeStat},

	{name: "List", keys: []string{"TN", "UN"}, session: true, run: list},
	{name: "Query_Stat", keys: []string{"TN", "UN"}, session: true, run: queryStat},
	{name: "Query_Stat2", keys: []string{"UN"}, session: true, run: queryStat2},
	{name: "SimpleInfo2", keys: []string{"UN"}, session: true, run: simpleInfo2},
	{name: "GetInfo", keys: []string{"LV", "UN"}, session: true, run: getInfo},
	{name: "Finger", keys: []string{"AG", "SX", "PV", "UN"}, session: true, run: finger},

	{name: "AddToList", keys: []string{"UN"}, session: true, changing: true, run: addToList},
	{name: "Ack_AddToList", keys: []string{"UN", "CD", "RS"}, session: true, changing: true, run: ackAddToList},
	{name: "DelFromList", keys: []string{"UN"}, session: true, changing: true, run: delFromList},

	{name: "CLTMSG", keys: []string{"UN", "MG"}, session: true, changing: true, run: cltmsg},
	{name: "GetMsgEx", session: true, run: getMsgEx},

	// For device sessions alone.
	{name: "Requests", keys: []string{"UN"}, session: true, run: requests},
	{name: "SetInfo", keys: settable, session: true, changing: true, run: setInfo},
	{name: "Block", keys: []string{"UN", "CD"}, session: true, changing: true, run: block},
	{name: "History", keys: []string{"UN", "BF", "TN", "QY"}, session: true, run: history},
	{name: "Read", keys: []string{"UN", "ID"}, session: true, changing: true, run: read},
	{name: "Devices", keys: []string{"ID", "CD"}, session: true, changing: true, run: devices},
}

// exact finds most commands: clients spell names as the table does.
var exact = func() map[string]*command {
	m := make(map[string]*command, len(commands))
	for i := range commands {
		m[commands[i].name] = &commands[i]
	}
	return m
}()

// find finds a command by its name, without case of ASCII letters; nil if there is none.
func (t table) find(name []byte) *command {
	for i := range t {
		if wire.EqualFold(name, t[i].name) {
			return &t[i]
		}
	}
	return nil
}
