package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// slashCommand is typed with a slash before its name. Destructive actions exist only as
// commands, so that no text typed into the roster or a conversation can trigger one.
type slashCommand struct {
	name          string
	description   textID
	takesArgument bool // an argument may follow the name
	needsPerson   bool // acts on the conversation's peer or the selected person
	run           func(p *person, argument string) tea.Cmd
}

// commands returns all commands in the order of the help page.
func (a *App) commands() []slashCommand {
	withoutArgument := func(do func() tea.Cmd) func(*person, string) tea.Cmd {
		return func(*person, string) tea.Cmd { return do() }
	}
	withPerson := func(do func(*person) tea.Cmd) func(*person, string) tea.Cmd {
		return func(p *person, _ string) tea.Cmd { return do(p) }
	}
	find := func(_ *person, number string) tea.Cmd { return a.showFindForm(number) }
	search := func(_ *person, text string) tea.Cmd { return a.showSearch(0, text) }
	info := func(p *person) tea.Cmd { return a.showProfile(p.uin) }
	return []slashCommand{
		{name: "help", description: textKeyHelp, run: withoutArgument(a.toggleHelp)},
		{name: "add", description: textKeyFind, takesArgument: true, run: find},
		{name: "requests", description: textKeyRequests, run: withoutArgument(a.showRequests)},
		{name: "search", description: textKeySearchAll, takesArgument: true, run: search},
		{name: "next", description: textKeyNextUnread, run: withoutArgument(a.openNextUnread)},
		{name: "status", description: textKeyStatus, run: withoutArgument(a.showStatusMenu)},
		{name: "profile", description: textKeyProfile, run: withoutArgument(a.editProfile)},
		{name: "devices", description: textKeyDevices, run: withoutArgument(a.showDevices)},
		{name: "bell", description: textKeyBell, run: withoutArgument(a.toggleBell)},
		{name: "info", description: textKeyInfo, needsPerson: true, run: withPerson(info)},
		{name: "remove", description: textKeyRemove, needsPerson: true, run: withPerson(a.removeFriend)},
		{name: "block", description: textKeyBlock, needsPerson: true, run: withPerson(a.blockPerson)},
		{name: "unblock", description: textKeyUnblock, needsPerson: true, run: withPerson(a.unblockPerson)},
		{name: "blocked", description: textKeyBlocked, run: withoutArgument(a.showBlocked)},
		{name: "quit", description: textKeyQuit, run: withoutArgument(a.quit)},
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

// slashes start a command. Chinese input methods type the second one.
var slashes = []string{"/", "\uff0f"}

func cutSlash(text string) (rest string, found bool) {
	for _, slash := range slashes {
		if rest, found := strings.CutPrefix(text, slash); found {
			return rest, true
		}
	}
	return text, false
}

// parsedLine is a typed line: a command with its argument, or a text.
type parsedLine struct {
	isCommand      bool
	name, argument string
	text           string
}

// parseLine distinguishes commands from texts. A line that starts with a slash is a
// command even if the name is unknown, because a mistyped command must not be sent to
// somebody. Two slashes start a text with one slash. A path such as /etc/hosts is a text
// unless its first element is the name of a command.
func (a *App) parseLine(line string) parsedLine {
	trimmed := strings.TrimLeft(line, " \n")
	rest, hasSlash := cutSlash(trimmed)
	if !hasSlash {
		return parsedLine{text: line}
	}
	if _, hasTwo := cutSlash(rest); hasTwo {
		return parsedLine{text: rest}
	}
	name := rest
	if i := strings.IndexAny(rest, " \n"); i >= 0 {
		name = rest[:i]
	}
	if first, _, isPath := strings.Cut(name, "/"); isPath {
		if _, found := a.findCommand(first); !found {
			return parsedLine{text: line}
		}
	}
	return parsedLine{isCommand: true, name: name, argument: strings.TrimSpace(rest[len(name):])}
}

// runCommand runs a command. If that is impossible, it shows the reason and returns
// false.
func (a *App) runCommand(line parsedLine, p *person) (cmd tea.Cmd, done bool) {
	command, found := a.findCommand(line.name)
	switch {
	case !found:
		a.showNotice(textNoCommand, "/"+sanitizeLine(line.name))
	case line.argument != "" && !command.takesArgument:
		a.showNotice(textNoWords, "/"+command.name)
	case command.needsPerson && p == nil:
		a.showNotice(textNobodyChosen)
	default:
		return command.run(p, line.argument), true
	}
	return nil, false
}

// promptCommand asks for a command in the bottom line.
func (a *App) promptCommand() tea.Cmd {
	a.promptCommandAgain(a.language.translate(textCommand), "/")
	return nil
}

// promptCommandAgain asks with a text, such as the reason why line was invalid, and lets
// the user edit line.
func (a *App) promptCommandAgain(text, line string) {
	a.askText(text, func(line string) tea.Cmd {
		person := a.roster.selectedPerson(a)
		parsed := a.parseLine(line)
		switch {
		case strings.Trim(line, " /") == "":
			return nil
		case parsed.isCommand:
			cmd, done := a.runCommand(parsed, person)
			if !done {
				a.promptCommandAgain(a.notice, line)
			}
			return cmd
		}
		return a.addToDraft(person, line) // not a command: the user can check the draft before sending
	})
	a.question.editor.setText(line)
}

// addToDraft opens the conversation with a person and inserts text into its draft.
func (a *App) addToDraft(p *person, text string) tea.Cmd {
	if p == nil {
		a.showNotice(textNobodyChosen)
		return nil
	}
	cmd := a.openConversation(p.uin)
	a.conversationWith(p.uin).draft.insert(text)
	return cmd
}
