package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

//go:embed page/style.css
var styleSheet string

//go:embed page/page.html
var pageTemplate string

// HTML writes a study as one page that needs nothing else, neither a network nor a
// script. Its policy lets no other style and no script in, whatever a server may
// have smuggled in.
func HTML(writer io.Writer, study *finding.Study) error {
	document := documentOf(study)
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(styleSheet))
	var page bytes.Buffer // nothing is written before all of it is made
	err = t.Execute(&page, map[string]any{
		"Document": document,
		"Style":    template.CSS(styleSheet),
		"Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'",
	})
	if err != nil {
		return err
	}
	_, err = writer.Write(page.Bytes())
	return err
}
