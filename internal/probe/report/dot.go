package report

import (
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// DOT writes all machines, one digraph each, in the form that other tools which
// learn automata read.
func DOT(w io.Writer, s *finding.Study) error {
	var out strings.Builder
	if len(s.Machines) == 0 {
		out.WriteString("// No machine was learned.\n")
	}
	for i, m := range s.Machines {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(wellFormed(strings.TrimRight(m.DOT, "\n")))
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}
