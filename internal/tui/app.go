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
	ctx       context.Context
	messenger Messenger
	events    *eventStream
	now       func() time.Time
	hasDevice bool // the session is a device's: history and the like can be had

	language         languageIndex
	theme            theme
	detectBackground bool // about its background, and choose the colours for it
	widthMethod      ansi.Method
	width            int
	height           int
	isBlurred        bool // the terminal says that it is not looked at
	mouseEnabled     bool
	bellEnabled      bool
	lastBellAt       time.Time

	connection     client.State
	ownNick        string        // the account's own
	ownStatus      client.Status // as chosen here, 0 before
	contacts       contactList
	conversations  map[client.UIN]*conversation
	isSendingTo    map[client.UIN]bool
	friendRequests map[client.UIN]client.FriendRequest

	roster      roster
	focus       focus
	page        page  // what the main pane shows
	basePage    page  // what it shows when that is closed
	returnFocus focus // where keys go then
	question    *question
	notice      string // at the bottom, until the next key
}

// focus is the pane that keys go to.
type focus int

const (
	focusRoster focus = iota
	focusPage
)

// page is what the main pane shows.
type page interface {
	// bindings are the keys that mean something, those for everywhere not among
	// them.
	bindings(app *App) []keyBinding
	// textEditor is where text goes, nil if none can be written.
	textEditor() *editor
	// view has at most height lines of at most width cells; the cursor is nil if
	// nothing is being written.
	view(app *App, width, height int) (lines []string, cursor *tea.Position)
}

func newApp(ctx context.Context, messenger Messenger, config Config) *App {
	return &App{
		ctx: ctx, messenger: messenger, events: newEventStream(ctx, messenger), now: config.Now, hasDevice: messenger.Token() != "",
		language: config.Language.index(), theme: newTheme(config.Theme != Light), detectBackground: config.Theme != Light && config.Theme != Dark, bellEnabled: config.Bell, mouseEnabled: config.Mouse,
		width: 80, height: 24,
		connection: messenger.State(), contacts: contactList{}, conversations: map[client.UIN]*conversation{}, isSendingTo: map[client.UIN]bool{},
		friendRequests: map[client.UIN]client.FriendRequest{},
		page:           welcomePage{}, basePage: welcomePage{},
	}
}

// Init starts what runs from the beginning.
func (a *App) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, a.events.waitForEvent, a.refreshLists(), a.loadRecentConversations(), a.loadNick(a.messenger.UIN()), a.scheduleClockTick(), a.scheduleCatchUp())
}

// Update takes in what has happened.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case taskResult:
		return a, msg.apply(a)
	case clientEvent:
		return a, tea.Batch(a.handleEvent(msg.event), a.events.waitForEvent)
	case tea.KeyPressMsg:
		return a, a.handleKey(msg)
	case tea.PasteMsg:
		if editor := a.activeEditor(); editor != nil {
			editor.insert(msg.Content)
			return a, nil
		}
		return a, a.typeToSelected(msg.Content)
	case tea.MouseClickMsg:
		return a, a.handleClick(tea.Mouse(msg))
	case tea.MouseWheelMsg:
		return a, a.handleWheel(tea.Mouse(msg))
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		return a, a.markVisibleRead()
	case tea.BlurMsg:
		a.isBlurred = true
	case tea.FocusMsg:
		a.isBlurred = false
		return a, a.markVisibleRead()
	case tea.BackgroundColorMsg:
		if a.detectBackground {
			a.theme = newTheme(msg.IsDark())
			a.clearWrappedRows() // they hold colours
		}
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && msg.Value != ansi.ModeNotRecognized && msg.Value != ansi.ModePermanentlyReset {
			a.widthMethod = ansi.GraphemeWidth // as Bubble Tea does from now on
			a.clearWrappedRows()
		}
	}
	return a, nil
}

// clearWrappedRows has all messages wrapped anew.
func (a *App) clearWrappedRows() {
	for _, talk := range a.conversations {
		for _, entry := range talk.entries {
			entry.wrappedRows = nil
		}
	}
}

// clockTick comes every second while the screen counts one.
type clockTick struct{}

func (clockTick) apply(app *App) tea.Cmd { return app.scheduleClockTick() }

// scheduleClockTick has the screen drawn again in a second, as long as it shows how long it
// is until the next try.
func (a *App) scheduleClockTick() tea.Cmd {
	if a.connection.Connected || a.connection.RetryAt.IsZero() {
		return nil
	}
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return clockTick{} })
}

// conversation is the conversation with an account, a new one if need be.
func (a *App) conversationWith(with client.UIN) *conversation {
	talk := a.conversations[with]
	if talk == nil {
		talk = newConversation(with)
		talk.withSelf = with == a.messenger.UIN()
		a.conversations[with] = talk
	}
	return talk
}

// showPage puts a page into the main pane, and the keys to it.
func (a *App) showPage(p page) {
	if a.page == a.basePage {
		a.returnFocus = a.focus
	}
	a.page, a.focus = p, focusPage
	if talk, ok := p.(*conversation); ok {
		a.basePage = talk
	}
}

// closePage closes the page, and keys go where they went before; a conversation
// stays, and keys go to the list.
func (a *App) closePage() tea.Cmd {
	if a.page == a.basePage {
		a.focus = focusRoster
		return nil
	}
	a.page, a.focus = a.basePage, a.returnFocus
	return a.markVisibleRead()
}

// closeIfShown is leave for a page that something was waited for on: the user may have
// gone on to another.
func (a *App) closeIfShown(p page) tea.Cmd {
	if a.page != p {
		return nil
	}
	return a.closePage()
}

// showError says at the bottom what went wrong.
func (a *App) showError(err error) { a.notice = a.explainError(err) }

// showNotice says something at the bottom.
func (a *App) showNotice(w textID, args ...any) { a.notice = a.language.translate(w, args...) }
