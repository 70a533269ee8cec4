package protocol

import "github.com/rookery-im/rookery/wire"

// command is one row of the command table.
type command struct {
	name string
	// keys are the keys that the command reads, besides VER, CMD, SEQ and UIN.
	keys []string
	// needsSession is set if the command requires a login.
	needsSession bool
	// isChanging is set if the request is remembered by its SEQ, so that a repeat has no second
	// effect.
	isChanging bool
	// skipsValues is set if neither SEQ nor other values are checked.
	skipsValues bool
	// run executes the command and writes the answer. If it returns an error, it has changed
	// nothing.
	run func(*clientRequest) error
}

type commandTable []command

var commands = commandTable{
	{name: "Login", keys: []string{"PS", "M5", "LC", "ST"}, run: handleLogin},
	{name: "Logout", skipsValues: true, run: handleLogout},
	{name: "Change_Stat", keys: []string{"ST"}, needsSession: true, isChanging: true, run: handleChangeStat},

	{name: "List", keys: []string{"TN", "UN"}, needsSession: true, run: handleList},
	{name: "Query_Stat", keys: []string{"TN", "UN"}, needsSession: true, run: handleQueryStat},
	{name: "Query_Stat2", keys: []string{"UN"}, needsSession: true, run: handleQueryStat2},
	{name: "SimpleInfo2", keys: []string{"UN"}, needsSession: true, run: handleSimpleInfo2},
	{name: "GetInfo", keys: []string{"LV", "UN"}, needsSession: true, run: handleGetInfo},
	{name: "Finger", keys: []string{"AG", "SX", "PV", "UN"}, needsSession: true, run: handleFinger},

	{name: "AddToList", keys: []string{"UN"}, needsSession: true, isChanging: true, run: handleAddToList},
	{name: "Ack_AddToList", keys: []string{"UN", "CD", "RS"}, needsSession: true, isChanging: true,
		run: handleAckAddToList},
	{name: "DelFromList", keys: []string{"UN"}, needsSession: true, isChanging: true, run: handleDelFromList},

	{name: "CLTMSG", keys: []string{"UN", "MG"}, needsSession: true, isChanging: true, run: handleCLTMSG},
	{name: "GetMsgEx", needsSession: true, run: handleGetMsgEx},

	// The remaining commands are for device sessions only.
	{name: "Requests", keys: []string{"UN"}, needsSession: true, run: handleRequests},
	{name: "SetInfo", keys: settableKeys, needsSession: true, isChanging: true, run: handleSetInfo},
	{name: "Block", keys: []string{"UN", "CD"}, needsSession: true, isChanging: true, run: handleBlock},
	{name: "History", keys: []string{"UN", "BF", "TN", "QY"}, needsSession: true, run: handleHistory},
	{name: "Read", keys: []string{"UN", "ID"}, needsSession: true, isChanging: true, run: handleRead},
	{name: "Devices", keys: []string{"ID", "CD"}, needsSession: true, isChanging: true, run: handleDevices},
}

// commandsByName finds commands that are spelled exactly as in the table, as most are.
var commandsByName = func() map[string]*command {
	m := make(map[string]*command, len(commands))
	for i := range commands {
		m[commands[i].name] = &commands[i]
	}
	return m
}()

// findFold finds a command by its name, ignoring the case of ASCII letters. It returns nil if there
// is none.
func (t commandTable) findFold(name []byte) *command {
	for i := range t {
		if wire.EqualFold(name, t[i].name) {
			return &t[i]
		}
	}
	return nil
}
