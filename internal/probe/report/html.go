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

// HTML writes a study as one self-contained page without scripts. Its content security
// policy blocks any other style and any script, in case text from a server became markup.
func HTML(writer io.Writer, study *finding.Study) error {
	document := documentOf(study)
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(styleSheet))
	var page bytes.Buffer // complete before anything is written
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
