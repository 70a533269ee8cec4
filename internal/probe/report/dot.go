package report

import (
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// DOT writes all machines, one digraph each, in the format that other tools for automata
// learning read.
func DOT(writer io.Writer, study *finding.Study) error {
	var result strings.Builder
	if len(study.Machines) == 0 {
		result.WriteString("// No machine was learned.\n")
	}
	for i, machine := range study.Machines {
		if i > 0 {
			result.WriteByte('\n')
		}
		result.WriteString(escapeInvalidUTF8(strings.TrimRight(machine.DOT, "\n")))
		result.WriteByte('\n')
	}
	_, err := io.WriteString(writer, result.String())
	return err
}
