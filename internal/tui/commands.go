package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// command is what a word does that is typed with a slash before it. What destroys
// something is done in this way only: no sentence that is typed into the list or
// a conversation may do it.
type command struct {
	name  string
	what  translation
	takes bool // words may follow
	about bool // a person: the one written to, or the chosen one
	do    func(p *person, rest string) tea.Cmd
}

// commands are all of them, in the order of the page of keys.
func (a *App) commands() []command {
	plain := func(do func() tea.Cmd) func(*person, string) tea.Cmd {
		return func(*person, string) tea.Cmd { return do() }
	}
	about := func(do func(*person) tea.Cmd) func(*person, string) tea.Cmd {
		return func(p *person, _ string) tea.Cmd { return do(p) }
	}
	find := func(_ *person, number string) tea.Cmd { return a.findPeople(number) }
	search := func(_ *person, words string) tea.Cmd { return a.searchFor(0, words) }
	info := func(p *person) tea.Cmd { return a.showInfo(p.uin) }
	return []command{
		{name: "help", what: wKeyHelp, do: plain(a.help)},
		{name: "add", what: wKeyFind, takes: true, do: find},
		{name: "requests", what: wKeyRequests, do: plain(a.showRequests)},
		{name: "search", what: wKeySearchAll, takes: true, do: search},
		{name: "next", what: wKeyNextUnread, do: plain(a.nextUnread)},
		{name: "status", what: wKeyStatus, do: plain(a.chooseStatus)},
		{name: "profile", what: wKeyProfile, do: plain(a.editProfile)},
		{name: "devices", what: wKeyDevices, do: plain(a.showDevices)},
		{name: "bell", what: wKeyBell, do: plain(a.switchBell)},
		{name: "info", what: wKeyInfo, about: true, do: about(info)},
		{name: "remove", what: wKeyRemove, about: true, do: about(a.remove)},
		{name: "block", what: wKeyBlock, about: true, do: about(a.block)},
		{name: "unblock", what: wKeyUnblock, about: true, do: about(a.unblock)},
		{name: "blocked", what: wKeyBlocked, do: plain(a.showBlocked)},
		{name: "quit", what: wKeyQuit, do: plain(a.quit)},
	}
}

func (a *App) findCommand(name string) (command, bool) {
	for _, command := range a.commands() {
		if strings.EqualFold(command.name, name) {
			return command, true
		}
	}
	return command{}, false
}

// slashes are what a command begins with: input methods for Chinese type the
// second.
var slashes = []string{"/", "\uff0f"}

func cutSlash(text string) (rest string, found bool) {
	for _, slash := range slashes {
		if rest, found := strings.CutPrefix(text, slash); found {
			return rest, true
		}
	}
	return text, false
}

// typedCommand is what a line means that was typed: a command by its name, or a text.
type typedCommand struct {
	command    bool
	name, rest string
	text       string
}

// readLine says what a line means. A line that begins with a slash is a command,
// known or not: one that is misspelt must not be sent, and may hold what is
// nobody's business. Two slashes stand for a text that begins with one. A path
// such as /etc/hosts is a text, unless a command's name stands before its second
// slash.
func (a *App) readLine(line string) typedCommand {
	begun := strings.TrimLeft(line, " \n")
	rest, slash := cutSlash(begun)
	if !slash {
		return typedCommand{text: line}
	}
	if _, twice := cutSlash(rest); twice {
		return typedCommand{text: rest}
	}
	name := rest
	if i := strings.IndexAny(rest, " \n"); i >= 0 {
		name = rest[:i]
	}
	if first, _, path := strings.Cut(name, "/"); path {
		if _, known := a.findCommand(first); !known {
			return typedCommand{text: line}
		}
	}
	return typedCommand{command: true, name: name, rest: strings.TrimSpace(rest[len(name):])}
}

// carryOut does what a command says. It reports false, and says why, if it
// cannot be meant.
func (a *App) carryOut(t typedCommand, p *person) (cmd tea.Cmd, done bool) {
	command, known := a.findCommand(t.name)
	switch {
	case !known:
		a.say(wNoCommand, "/"+cleanLine(t.name))
	case t.rest != "" && !command.takes:
		a.say(wNoWords, "/"+command.name)
	case command.about && p == nil:
		a.say(wNobodyChosen)
	default:
		return command.do(p, t.rest), true
	}
	return nil, false
}

// askCommand asks for a command, from the list.
func (a *App) askCommand() tea.Cmd {
	a.askCommandAgain(a.lang.say(wCommand), "/")
	return nil
}

func (a *App) askCommandAgain(text, line string) {
	a.askWords(text, func(line string) tea.Cmd {
		person := a.roster.chosen(a)
		typedCommand := a.readLine(line)
		switch {
		case strings.Trim(line, " /") == "":
			return nil
		case typedCommand.command:
			cmd, done := a.carryOut(typedCommand, person)
			if !done {
				a.askCommandAgain(a.notice, line)
			}
			return cmd
		}
		return a.typeTo(person, line) // it is not a command, and can be looked at there
	})
	a.asking.answer.set(line)
}

// typeTo opens the conversation with somebody, and adds to what is being written
// there.
func (a *App) typeTo(p *person, text string) tea.Cmd {
	if p == nil {
		a.say(wNobodyChosen)
		return nil
	}
	cmd := a.open(p.uin)
	a.talk(p.uin).draft.insert(text)
	return cmd
}
