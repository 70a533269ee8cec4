package report

import (
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// DOT writes all machines, one digraph each, in the form that other tools which
// learn automata read.
func DOT(w io.Writer, study *finding.Study) error {
	var out strings.Builder
	if len(study.Machines) == 0 {
		out.WriteString("// No machine was learned.\n")
	}
	for i, machine := range study.Machines {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(wellFormed(strings.TrimRight(machine.DOT, "\n")))
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}
