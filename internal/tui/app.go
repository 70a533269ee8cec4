package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rookery-im/rookery/client"
)

// App is the whole terminal client: what is known, and which part of the screen
// the keys are for. Everything in it is touched by Update and View only; what
// takes time is done by commands (messenger.go).
type App struct {
	ctx    context.Context
	m      Messenger
	events *stream
	now    func() time.Time
	device bool // the session is a device's: history and the like can be had

	lang        language
	look        theme
	askTerminal bool // about its background, and choose the colours for it
	measure     ansi.Method
	width       int
	height      int
	blurred     bool // the terminal says that it is not looked at
	mouse       bool
	bell        bool
	rang        time.Time

	link     client.State
	nick     string        // the account's own
	status   client.Status // as chosen here, 0 before
	people   contactList
	talks    map[client.UIN]*conversation
	sending  map[client.UIN]bool
	requests map[client.UIN]client.Request

	roster roster
	focus  focus
	page   page  // what the main pane shows
	under  page  // what it shows when that is closed
	from   focus // where keys go then
	asking *question
	notice string // at the bottom, until the next key
}

// focus is the pane that keys go to.
type focus int

const (
	onRoster focus = iota
	onMain
)

// page is what the main pane shows.
type page interface {
	// bindings are the keys that mean something, those for everywhere not among
	// them.
	bindings(app *App) []binding
	// typing is where text goes, nil if none can be written.
	typing() *editor
	// view has at most height lines of at most width cells; the cursor is nil if
	// nothing is being written.
	view(app *App, width, height int) (lines []string, cursor *tea.Position)
}

func newApp(ctx context.Context, messenger Messenger, config Config) *App {
	return &App{
		ctx: ctx, m: messenger, events: newStream(ctx, messenger), now: config.Now, device: messenger.Token() != "",
		lang: config.Language.known(), look: newTheme(config.Theme != Light), askTerminal: config.Theme != Light && config.Theme != Dark, bell: config.Bell, mouse: config.Mouse,
		width: 80, height: 24,
		link: messenger.State(), people: contactList{}, talks: map[client.UIN]*conversation{}, sending: map[client.UIN]bool{},
		requests: map[client.UIN]client.Request{},
		page:     welcomePage{}, under: welcomePage{},
	}
}

// Init starts what runs from the beginning.
func (a *App) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, a.events.await, a.refresh(), a.recent(), a.who(a.m.UIN()), a.tick(), a.everyMinute())
}

// Update takes in what has happened.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case taskResult:
		return a, msg.apply(a)
	case clientEvent:
		return a, tea.Batch(a.happened(msg.event), a.events.await)
	case tea.KeyPressMsg:
		return a, a.key(msg)
	case tea.PasteMsg:
		if editor := a.typing(); editor != nil {
			editor.insert(msg.Content)
			return a, nil
		}
		return a, a.typeFromList(msg.Content)
	case tea.MouseClickMsg:
		return a, a.click(tea.Mouse(msg))
	case tea.MouseWheelMsg:
		return a, a.wheel(tea.Mouse(msg))
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		return a, a.seen()
	case tea.BlurMsg:
		a.blurred = true
	case tea.FocusMsg:
		a.blurred = false
		return a, a.seen()
	case tea.BackgroundColorMsg:
		if a.askTerminal {
			a.look = newTheme(msg.IsDark())
			a.forgetRows() // they hold colours
		}
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && msg.Value != ansi.ModeNotRecognized && msg.Value != ansi.ModePermanentlyReset {
			a.measure = ansi.GraphemeWidth // as Bubble Tea does from now on
			a.forgetRows()
		}
	}
	return a, nil
}

// forgetRows has all messages wrapped anew.
func (a *App) forgetRows() {
	for _, talk := range a.talks {
		for _, entry := range talk.entries {
			entry.shown = nil
		}
	}
}

// clockTick comes every second while the screen counts one.
type clockTick struct{}

func (clockTick) apply(app *App) tea.Cmd { return app.tick() }

// tick has the screen drawn again in a second, as long as it shows how long it
// is until the next try.
func (a *App) tick() tea.Cmd {
	if a.link.Connected || a.link.Retry.IsZero() {
		return nil
	}
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return clockTick{} })
}

// conversation is the conversation with an account, a new one if need be.
func (a *App) talk(with client.UIN) *conversation {
	talk := a.talks[with]
	if talk == nil {
		talk = newTalk(with)
		talk.own = with == a.m.UIN()
		a.talks[with] = talk
	}
	return talk
}

// show puts a page into the main pane, and the keys to it.
func (a *App) show(p page) {
	if a.page == a.under {
		a.from = a.focus
	}
	a.page, a.focus = p, onMain
	if talk, ok := p.(*conversation); ok {
		a.under = talk
	}
}

// leave closes the page, and keys go where they went before; a conversation
// stays, and keys go to the list.
func (a *App) leave() tea.Cmd {
	if a.page == a.under {
		a.focus = onRoster
		return nil
	}
	a.page, a.focus = a.under, a.from
	return a.seen()
}

// close is leave for a page that something was waited for on: the user may have
// gone on to another.
func (a *App) close(p page) tea.Cmd {
	if a.page != p {
		return nil
	}
	return a.leave()
}

// complain says at the bottom what went wrong.
func (a *App) complain(err error) { a.notice = a.why(err) }

// say says something at the bottom.
func (a *App) say(w translation, args ...any) { a.notice = a.lang.say(w, args...) }
