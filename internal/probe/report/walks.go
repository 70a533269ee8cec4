package report

import (
	"fmt"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

const (
	elementsShown = 4 // at each end of a page
	pagesShown    = 5 // at each end of a walk
)

// A walk is a list that was read page by page, as it is drawn.
type walk struct {
	finding.Walk
	Title string
	Steps []walkStep
}

// A walkStep is a page, with the cursor that led to it; or pages that are left
// out.
type walkStep struct {
	Number int
	finding.Page
	First, Last []string
	Hidden      int // elements left out between First and Last
	Skipped     int // pages left out, if above 0
}

func walkOf(w finding.Walk) walk {
	total := 0
	for _, p := range w.Pages {
		total += len(p.Elements)
	}
	out := walk{Walk: w, Title: fmt.Sprintf("%s as %s: %s on %s", w.Command, w.Role, plural(total, "element"), plural(len(w.Pages), "page"))}
	for i, p := range w.Pages {
		if n := len(w.Pages); n > 2*pagesShown+1 && i >= pagesShown && i < n-pagesShown {
			if i == pagesShown {
				out.Steps = append(out.Steps, walkStep{Skipped: n - 2*pagesShown})
			}
			continue
		}
		out.Steps = append(out.Steps, walkStepOf(i+1, p))
	}
	return out
}

func walkStepOf(n int, p finding.Page) walkStep {
	s := walkStep{Number: n, Page: p, First: p.Elements}
	if rest := len(p.Elements) - 2*elementsShown; rest > 1 {
		s.First, s.Last, s.Hidden = p.Elements[:elementsShown], p.Elements[len(p.Elements)-elementsShown:], rest
	}
	return s
}
