package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// JSON writes a study as protocol.json; finding.SchemaJSON is its schema. Bytes that are
// not UTF-8 appear as \xNN.
func JSON(writer io.Writer, study *finding.Study) error {
	copied := mapTexts(study, escapeInvalidUTF8)
	copied.Schema = finding.Schema
	return writeIndented(writer, copied)
}

// Differences writes differences.json: an array of the differences between two servers, in
// the order of the study, or an empty array.
func Differences(writer io.Writer, study *finding.Study) error {
	return writeIndented(writer, mapTexts(study, escapeInvalidUTF8).Differences)
}

func writeIndented(writer io.Writer, value any) error {
	encoder := json.NewEncoder(writer)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// Read parses a protocol.json. It ignores unknown keys, which a later version may have
// added.
func Read(r io.Reader) (*finding.Study, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, explainJSONError(text, err)
	}
	if head.Schema != finding.Schema {
		return nil, fmt.Errorf("this is no protocol.json of this version: its schema is %q, not %q",
			head.Schema, finding.Schema)
	}
	study := new(finding.Study)
	if err := json.Unmarshal(text, study); err != nil {
		return nil, explainJSONError(text, err)
	}
	return study, nil
}

// explainJSONError says in plain words what is wrong with a JSON text.
func explainJSONError(text []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(text) == 0:
		return errors.New("the file is empty")
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: this is no JSON: %s", lineNumber(text, syntax.Offset), syntax)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("line %d: %s holds %s where it should hold %s",
			lineNumber(text, kind.Offset), kind.Field, foundType(kind), wantedType(kind))
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: this is %s where a protocol.json has an object", lineNumber(text, kind.Offset),
			foundType(kind))
	}
	return err
}

func lineNumber(text []byte, offset int64) int {
	line := 1
	for _, character := range text[:min(offset, int64(len(text)))] {
		if character == '\n' {
			line++
		}
	}
	return line
}

// foundType names the JSON type in the text.
func foundType(typeError *json.UnmarshalTypeError) string {
	kind, _, _ := strings.Cut(typeError.Value, " ") // "number" is followed by its digits
	switch kind {
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return "a " + kind
}

// wantedType names the expected JSON type.
func wantedType(typeError *json.UnmarshalTypeError) string {
	switch typeError.Type.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	case reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
