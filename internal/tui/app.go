package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rookery-im/rookery/client"
)

// App is the Bubble Tea model of the terminal client. Only Update and View access its
// fields; everything that takes time runs as a command (messenger.go).
type App struct {
	ctx       context.Context
	messenger Messenger
	events    *eventStream
	now       func() time.Time
	hasDevice bool // a device session: the server offers history, blocking and more

	language         languageIndex
	theme            theme
	detectBackground bool // choose the theme by the terminal's background
	widthMethod      ansi.Method
	width            int
	height           int
	isBlurred        bool // the terminal window has lost the focus
	mouseEnabled     bool
	bellEnabled      bool
	lastBellAt       time.Time

	connection     client.State
	ownNick        string        // of the signed-in account
	ownStatus      client.Status // as chosen in this program, 0 before that
	contacts       contactList
	conversations  map[client.UIN]*conversation
	isSendingTo    map[client.UIN]bool
	friendRequests map[client.UIN]client.FriendRequest

	roster      roster
	focus       focus
	page        page
	basePage    page  // shown after page closes
	returnFocus focus // focus after page closes
	question    *question
	notice      string // in the bottom line, until the next key
}

// focus is the pane that receives keys.
type focus int

const (
	focusRoster focus = iota
	focusPage
)

// page is the content of the main pane.
type page interface {
	// bindings returns the keys of this page, without the global ones.
	bindings(app *App) []keyBinding
	// textEditor receives typed text. It is nil if the page has no input field.
	textEditor() *editor
	// view returns at most height lines of at most width cells. The cursor is nil if the
	// page has no input field.
	view(app *App, width, height int) (lines []string, cursor *tea.Position)
}

func newApp(ctx context.Context, messenger Messenger, config Config) *App {
	return &App{
		ctx: ctx, messenger: messenger, events: newEventStream(ctx, messenger), now: config.Now,
		hasDevice: messenger.Token() != "",

		language:         config.Language.index(),
		theme:            newTheme(config.Theme != Light),
		detectBackground: config.Theme != Light && config.Theme != Dark,
		width:            80,
		height:           24,
		mouseEnabled:     config.Mouse,
		bellEnabled:      config.Bell,

		connection:     messenger.State(),
		contacts:       contactList{},
		conversations:  map[client.UIN]*conversation{},
		isSendingTo:    map[client.UIN]bool{},
		friendRequests: map[client.UIN]client.FriendRequest{},

		page:     welcomePage{},
		basePage: welcomePage{},
	}
}

// Init implements tea.Model. It starts the background tasks and loads the lists.
func (a *App) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, a.events.waitForEvent, a.refreshLists(), a.loadRecentConversations(),
		a.loadNick(a.messenger.UIN()), a.scheduleClockTick(), a.scheduleCatchUp())
}

// Update implements tea.Model.
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
			a.clearWrappedRows() // they contain colours
		}
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && msg.Value != ansi.ModeNotRecognized &&
			msg.Value != ansi.ModePermanentlyReset {
			a.widthMethod = ansi.GraphemeWidth // Bubble Tea switches too
			a.clearWrappedRows()
		}
	}
	return a, nil
}

// clearWrappedRows makes every conversation wrap its messages again.
func (a *App) clearWrappedRows() {
	for _, conv := range a.conversations {
		for _, entry := range conv.entries {
			entry.wrappedRows = nil
		}
	}
}

// clockTick updates the countdown to the next connection attempt, once per second.
type clockTick struct{}

func (clockTick) apply(app *App) tea.Cmd { return app.scheduleClockTick() }

// scheduleClockTick redraws the screen in a second if it shows a countdown.
func (a *App) scheduleClockTick() tea.Cmd {
	if a.connection.Connected || a.connection.RetryAt.IsZero() {
		return nil
	}
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return clockTick{} })
}

// conversationWith returns the conversation with an account and creates it if necessary.
func (a *App) conversationWith(peer client.UIN) *conversation {
	conv := a.conversations[peer]
	if conv == nil {
		conv = newConversation(peer)
		conv.withSelf = peer == a.messenger.UIN()
		a.conversations[peer] = conv
	}
	return conv
}

// showPage shows p in the main pane and moves the focus to it.
func (a *App) showPage(p page) {
	if a.page == a.basePage {
		a.returnFocus = a.focus
	}
	a.page, a.focus = p, focusPage
	if conv, ok := p.(*conversation); ok {
		a.basePage = conv
	}
}

// closePage closes the page and restores the previous focus. A conversation stays
// visible, and the focus moves to the roster.
func (a *App) closePage() tea.Cmd {
	if a.page == a.basePage {
		a.focus = focusRoster
		return nil
	}
	a.page, a.focus = a.basePage, a.returnFocus
	return a.markVisibleRead()
}

// closeIfShown closes p unless the user has opened another page meanwhile.
func (a *App) closeIfShown(p page) tea.Cmd {
	if a.page != p {
		return nil
	}
	return a.closePage()
}

// showError explains err in the bottom line.
func (a *App) showError(err error) { a.notice = a.explainError(err) }

// showNotice shows a text in the bottom line.
func (a *App) showNotice(id textID, args ...any) { a.notice = a.language.translate(id, args...) }
