package learn

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteDOT writes the machine in the dialect of Graphviz DOT that LearnLib and AALpy read. Both
// split a label into input and output at the slash, so a slash in a name becomes a division slash
// (U+2215).
func (m *Machine) WriteDOT(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "digraph g {\n__start0 [label=\"\" shape=\"none\"];\n\n")
	for s := range m.States {
		fmt.Fprintf(b, "s%d [shape=\"circle\" label=\"s%d\"];\n", s, s)
	}
	fmt.Fprintln(b)
	for s, state := range m.States {
		for i, transition := range state.Transitions {
			fmt.Fprintf(b, "s%d -> s%d [label=\"%s / %s\"];\n", s, transition.Target, escapeDOT(m.Inputs[i]),
				escapeDOT(transition.Output))
		}
	}
	fmt.Fprint(b, "\n__start0 -> s0;\n}\n")
	return b.Flush()
}

// escapeDOT escapes a name for use between quotation marks. DOT has no escapes for control
// characters, so they appear as Go escape sequences.
func escapeDOT(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '/':
			b.WriteRune('∕')
		case r == '\n':
			b.WriteString(`\\n`)
		case r == '\r':
			b.WriteString(`\\r`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
