package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

//go:embed page
var pageFiles embed.FS

//go:embed page/style.css
var style string

//go:embed page/script.js
var script string

// HTML writes a study as one page that needs nothing else: no network, and no
// script, though a script makes it handier.
func HTML(w io.Writer, s *finding.Study) error {
	t, err := template.New("").Funcs(template.FuncMap{
		"add":       func(a, b float64) float64 { return a + b },
		"first":     first,
		"rest":      rest,
		"plus1":     func(n int) int { return n + 1 },
		"join":      func(list []string) string { return strings.Join(list, ", ") },
		"px":        func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
		"count":     count,
		"span":      span,
		"number":    number,
		"plural":    plural,
		"sentence":  sentence,
		"wholeness": wholeness,
		"nogap":     noGap,
		"nonoise":   noNoise,
		"support":   support,
		"all":       all,
		"subject":   subject,
		"moment":    moment,
		"kind":      kindOf,
		"seen":      seen,
		"grade":     gradeLook,
	}).ParseFS(pageFiles, "page/*.html")
	if err != nil {
		return err
	}
	// The page is made as a whole before anything is written.
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "page", pageOf(s)); err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

func pageOf(study *finding.Study) *page {
	s := shown(study)
	p := &page{
		Study:  s,
		Style:  template.CSS(style),
		Script: template.JS(script),
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + hashOf(style) + "; script-src " + hashOf(script),

		Sections:    sectionsOf(s),
		Runs:        runsOf(s),
		Grades:      countGrades(s.Facts),
		Surest:      surest(s.Facts),
		Refuted:     len(ofGrade(s.Facts, finding.Refuted)),
		Gaps:        gaps(s),
		Compared:    compared(s),
		Matrix:      matrixOf(s.Matrix),
		FieldGroups: fieldsOf(s.Fields),
		Relations:   relations(s),
		CodeTable:   codesOf(s.Codes),
		Aspects:     factAspects(s.Facts),
		Method:      method(),
	}
	for i, d := range s.Differences {
		p.Differ = append(p.Differ, differenceOf(d, i))
	}
	for i, m := range s.Machines {
		p.Diagrams = append(p.Diagrams, diagramOf(m, i))
	}
	for _, w := range s.Walks {
		p.WalkViews = append(p.WalkViews, walkOf(w))
	}
	for i, t := range s.Timers {
		p.Timings = append(p.Timings, timingOf(t, i))
	}
	p.blocks()
	p.views()
	return p
}

// views makes the facts ready, now that it is known what the page shows.
func (p *page) views() {
	anchors := p.anchors()
	for _, f := range ofGrade(p.Facts, finding.Contested) {
		p.Contested = append(p.Contested, viewOf(f, anchors))
	}
	for _, g := range factsByCommand(p.Study) {
		out := factGroupView{Command: g.Command, Confirmed: g.Confirmed}
		for _, f := range g.Facts {
			out.Facts = append(out.Facts, viewOf(f, anchors))
		}
		p.Groups = append(p.Groups, out)
	}
}

// hashOf names a text in a content security policy: what runs and what paints is
// ours, whatever a server may have smuggled in.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A gradeSign shows a grade in colour and as a letter.
type gradeSign struct{ Letter, Class string }

func gradeLook(g finding.Grade) gradeSign {
	switch g {
	case finding.Confirmed:
		return gradeSign{"C", "g-confirmed"}
	case finding.Observed:
		return gradeSign{"O", "g-observed"}
	case finding.Inferred:
		return gradeSign{"I", "g-inferred"}
	case finding.Contested:
		return gradeSign{"!", "g-contested"}
	case finding.Refuted:
		return gradeSign{"R", "g-refuted"}
	}
	return gradeSign{"?", "g-untested"}
}

// count writes a number with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes how long something took.
func span(seconds float64) string {
	if seconds >= 60 {
		return duration(float64(int64(seconds + 0.5)))
	}
	return number(float64(int64(seconds*10+0.5))/10) + " s"
}

// first gives the first n of a list, whatever it holds.
func first(n int, list any) any {
	v := reflect.ValueOf(list)
	return v.Slice(0, min(n, v.Len())).Interface()
}

// rest gives what first leaves.
func rest(n int, list any) any {
	v := reflect.ValueOf(list)
	return v.Slice(min(n, v.Len()), v.Len()).Interface()
}

// moment writes a time of RFC 3339 as people do.
func moment(s string) string {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}
