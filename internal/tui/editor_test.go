package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// typeKeys presses keys in an editor, in the notation of user.pressKeys. It returns the
// text with | at the cursor.
func typeKeys(e *editor, keys string) string {
	e.view(ansi.GraphemeWidth, 11, 5)
	for keys != "" {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(keys, "<"), ">"); ok && keys[0] == '<' {
			e.handleKey(keyPress(name))
			keys = rest
			continue
		}
		cluster, _ := ansi.FirstGraphemeCluster(keys, ansi.GraphemeWidth)
		e.handleKey(tea.KeyPressMsg{Code: []rune(cluster)[0], Text: cluster})
		keys = keys[len(cluster):]
	}
	return e.text[:e.cursor] + "|" + e.text[e.cursor:]
}

func TestKeysEditText(t *testing.T) {
	for _, c := range []struct{ name, text, keys, want string }{
		{"typing", "", "fish & chips", "fish & chips|"},
		{"in the middle", "fsh", "<left><left>i", "fi|sh"},
		{"backspace", "fish", "<backspace>", "fis|"},
		{"backspace at the beginning", "fish", "<home><backspace>", "|fish"},
		{"delete", "fish", "<home><delete>", "|ish"},
		{"delete at the end", "fish", "<delete>", "fish|"},
		{"an emoji of seven characters goes at once", "a👩‍👩‍👧‍👦", "<backspace>", "a|"},
		{"and is passed at once", "a👩‍👩‍👧‍👦b", "<left><left>", "a|👩‍👩‍👧‍👦b"},
		{"a mark goes with its letter", "e\u0301", "<backspace>", "|"},
		{"a word back", "one two", "<ctrl+left>", "one |two"},
		{"a word on", "one two", "<home><ctrl+right>", "one| two"},
		{"a word deleted", "one two", "<ctrl+w>", "one |"},
		{"the line's ends", "one\ntwo", "<home>", "one\n|two"},
		{"to the line's beginning", "one\ntwo", "<ctrl+u>", "one\n|"},
		{"to the line's end", "one\ntwo", "<up><home><ctrl+k>", "|\ntwo"},
		{"up by rows", "aaaa bbbb cccc", "<up>", "aaaa| bbbb cccc"},
		{"down by rows", "aaaa bbbb cccc", "<home><down>", "aaaa bbbb |cccc"},
		{"up from the first row", "abc", "<up>", "abc|"},
		{"up over wide characters", "今天晚上\nabcd", "<left><up>", "今|天晚上\nabcd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &editor{multiline: true}
			e.setText(c.text)
			if got := typeKeys(e, c.keys); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPastedTextKeepsItsLinesWhereThereAreLines(t *testing.T) {
	e := &editor{multiline: true}
	e.insert("one\r\ntwo\tthree\x1b[31m")
	if e.text != "one\ntwo    three[31m" {
		t.Errorf("the text is %q", e.text)
	}
	e = &editor{}
	e.insert("one\r\ntwo")
	if e.text != "one two" {
		t.Errorf("in a line, the text is %q", e.text)
	}
}

// Parts of a character that arrive one by one merge into a single cluster.
func TestTheCursorIsNeverWithinACharacter(t *testing.T) {
	e := &editor{}
	for _, part := range []string{"👩", "\u200d", "👧"} {
		e.insert(part)
	}
	if got := typeKeys(e, "<left>"); got != "|👩\u200d👧" {
		t.Errorf("the cursor is at %q", got)
	}
	e.setText("👩\u200d")
	e.cursor = 0
	e.insert("a")
	e.setText("\u0301")
	e.cursor = 0
	e.insert("e")
	if e.cursor != len(e.text) {
		t.Errorf("the cursor is at %d of %q", e.cursor, e.text)
	}
}

func FuzzEditorStaysWhole(f *testing.F) {
	f.Add("今天 evening 👩‍👩‍👧‍👦", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	keys := []string{"left", "right", "up", "down", "home", "end", "backspace", "delete", "ctrl+w", "ctrl+u", "ctrl+k",
		"ctrl+left", "ctrl+right"}
	f.Fuzz(func(t *testing.T, text string, presses []byte) {
		e := &editor{multiline: true}
		for i, p := range presses {
			if i%5 == 0 {
				e.insert(text)
			}
			e.handleKey(keyPress(keys[int(p)%len(keys)]))
			lines, cursor := e.view(ansi.WcWidth, 2+int(p)%20, 3)
			if len(lines) > 3 || cursor.Y >= len(lines) || cursor.X < 0 || cursor.Y < 0 {
				t.Fatalf("%d lines, the cursor at %v", len(lines), cursor)
			}
		}
	})
}
