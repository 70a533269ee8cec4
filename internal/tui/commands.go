package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// command is what a word does that is typed with a slash before it. What destroys
// something is done in this way only: no sentence that is typed into the list or
// a conversation may do it.
type slashCommand struct {
	name          string
	description   textID
	takesArgument bool // words may follow
	needsPerson   bool // a person: the one written to, or the chosen one
	run           func(p *person, rest string) tea.Cmd
}

// commands are all of them, in the order of the page of keys.
func (a *App) commands() []slashCommand {
	plain := func(do func() tea.Cmd) func(*person, string) tea.Cmd {
		return func(*person, string) tea.Cmd { return do() }
	}
	about := func(do func(*person) tea.Cmd) func(*person, string) tea.Cmd {
		return func(p *person, _ string) tea.Cmd { return do(p) }
	}
	find := func(_ *person, number string) tea.Cmd { return a.showFindForm(number) }
	search := func(_ *person, words string) tea.Cmd { return a.showSearch(0, words) }
	info := func(p *person) tea.Cmd { return a.showProfile(p.uin) }
	return []slashCommand{
		{name: "help", description: textKeyHelp, run: plain(a.toggleHelp)},
		{name: "add", description: textKeyFind, takesArgument: true, run: find},
		{name: "requests", description: textKeyRequests, run: plain(a.showRequests)},
		{name: "search", description: textKeySearchAll, takesArgument: true, run: search},
		{name: "next", description: textKeyNextUnread, run: plain(a.openNextUnread)},
		{name: "status", description: textKeyStatus, run: plain(a.showStatusMenu)},
		{name: "profile", description: textKeyProfile, run: plain(a.editProfile)},
		{name: "devices", description: textKeyDevices, run: plain(a.showDevices)},
		{name: "bell", description: textKeyBell, run: plain(a.toggleBell)},
		{name: "info", description: textKeyInfo, needsPerson: true, run: about(info)},
		{name: "remove", description: textKeyRemove, needsPerson: true, run: about(a.removeFriend)},
		{name: "block", description: textKeyBlock, needsPerson: true, run: about(a.blockPerson)},
		{name: "unblock", description: textKeyUnblock, needsPerson: true, run: about(a.unblockPerson)},
		{name: "blocked", description: textKeyBlocked, run: plain(a.showBlocked)},
		{name: "quit", description: textKeyQuit, run: plain(a.quit)},
	}
}

func (a *App) findCommand(name string) (slashCommand, bool) {
	for _, command := range a.commands() {
		if strings.EqualFold(command.name, name) {
			return command, true
		}
	}
	return slashCommand{}, false
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
type parsedLine struct {
	isCommand      bool
	name, argument string
	text           string
}

// parseLine says what a line means. A line that begins with a slash is a command,
// known or not: one that is misspelt must not be sent, and may hold what is
// nobody's business. Two slashes stand for a text that begins with one. A path
// such as /etc/hosts is a text, unless a command's name stands before its second
// slash.
func (a *App) parseLine(line string) parsedLine {
	begun := strings.TrimLeft(line, " \n")
	rest, slash := cutSlash(begun)
	if !slash {
		return parsedLine{text: line}
	}
	if _, twice := cutSlash(rest); twice {
		return parsedLine{text: rest}
	}
	name := rest
	if i := strings.IndexAny(rest, " \n"); i >= 0 {
		name = rest[:i]
	}
	if first, _, path := strings.Cut(name, "/"); path {
		if _, known := a.findCommand(first); !known {
			return parsedLine{text: line}
		}
	}
	return parsedLine{isCommand: true, name: name, argument: strings.TrimSpace(rest[len(name):])}
}

// runCommand does what a command says. It reports false, and says why, if it
// cannot be meant.
func (a *App) runCommand(t parsedLine, p *person) (cmd tea.Cmd, done bool) {
	command, known := a.findCommand(t.name)
	switch {
	case !known:
		a.showNotice(textNoCommand, "/"+sanitizeLine(t.name))
	case t.argument != "" && !command.takesArgument:
		a.showNotice(textNoWords, "/"+command.name)
	case command.needsPerson && p == nil:
		a.showNotice(textNobodyChosen)
	default:
		return command.run(p, t.argument), true
	}
	return nil, false
}

// promptCommand asks for a command, from the list.
func (a *App) promptCommand() tea.Cmd {
	a.promptCommandAgain(a.language.translate(textCommand), "/")
	return nil
}

func (a *App) promptCommandAgain(text, line string) {
	a.askText(text, func(line string) tea.Cmd {
		person := a.roster.selectedPerson(a)
		typedCommand := a.parseLine(line)
		switch {
		case strings.Trim(line, " /") == "":
			return nil
		case typedCommand.isCommand:
			cmd, done := a.runCommand(typedCommand, person)
			if !done {
				a.promptCommandAgain(a.notice, line)
			}
			return cmd
		}
		return a.addToDraft(person, line) // it is not a command, and can be looked at there
	})
	a.question.editor.setText(line)
}

// addToDraft opens the conversation with somebody, and adds to what is being written
// there.
func (a *App) addToDraft(p *person, text string) tea.Cmd {
	if p == nil {
		a.showNotice(textNobodyChosen)
		return nil
	}
	cmd := a.openConversation(p.uin)
	a.conversationWith(p.uin).draft.insert(text)
	return cmd
}
