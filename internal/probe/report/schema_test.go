package report_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/report"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(finding.SchemaJSON))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJSONMatchesTheSchema(t *testing.T) {
	schema := compiled(t)
	for name, study := range map[string]*finding.Study{"one": sample(1), "two": sample(2), "empty": {},
		"full": filled()} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, report.JSON, study)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefusesInvalidStudies(t *testing.T) {
	schema := compiled(t)
	good := written(t, report.JSON, sample(2))
	for _, c := range []struct{ name, old, new string }{
		{"another schema", "rookery-probe-protocol-1", "rookery-probe-protocol-2"},
		{"an unknown grade", `"grade": "confirmed"`, `"grade": "certain"`},
		{"an unknown aspect", `"aspect": "session"`, `"aspect": "colour"`},
		{"a text for a number", `"budget": 3000`, `"budget": "3000"`},
		{"a missing key", `"statement": `, `"states": `},
		{"nothing for a list", `"parameters": [`, `"parameters": null, "x": [`},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Errorf("%s: the study does not contain %s", c.name, c.old)
			continue
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("%s: the schema accepts it", c.name)
		}
	}
}

// filled is a study in which every list has an element, so that all types occur.
func filled() *finding.Study {
	study := new(finding.Study)
	fill(reflect.ValueOf(study).Elem())
	return study
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
		switch v.Type() {
		case reflect.TypeFor[finding.Grade]():
			v.SetString(string(finding.Observed))
		case reflect.TypeFor[finding.Aspect]():
			v.SetString(string(finding.AspectPaging))
		}
	case reflect.Int:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

// A definition is the schema of one object.
type definition struct {
	Properties map[string]struct {
		Ref   string `json:"$ref"`
		Type  string `json:"type"`
		Items struct {
			Ref string `json:"$ref"`
		} `json:"items"`
	} `json:"properties"`
	Required []string `json:"required"`
}

// The schema and the types of package finding say the same: keys, which of them
// must be there, and what lists hold.
func TestSchemaHasTheKeysOfTheTypes(t *testing.T) {
	var root struct {
		definition
		Defs map[string]definition `json:"$defs"`
	}
	if err := json.Unmarshal(finding.SchemaJSON, &root); err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var check func(reflect.Type, definition)
	check = func(of reflect.Type, d definition) {
		if seen[of] {
			return
		}
		seen[of] = true
		if of.NumField() != len(d.Properties) {
			t.Errorf("%s has %d fields, its schema has %d", of, of.NumField(), len(d.Properties))
		}
		for i := range of.NumField() {
			f := of.Field(i)
			key, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
			p, ok := d.Properties[key]
			if !ok {
				t.Errorf("%s.%s is not in the schema", of, key)
			}
			if must := rest != "omitempty"; must != slices.Contains(d.Required, key) {
				t.Errorf("%s.%s: required is %v in the type, but not in the schema", of, key, must)
			}
			inner, ref := f.Type, p.Ref
			if inner.Kind() == reflect.Slice {
				inner, ref = inner.Elem(), p.Items.Ref
			}
			if inner.Kind() == reflect.Struct {
				check(inner, root.Defs[strings.TrimPrefix(ref, "#/$defs/")])
			}
		}
	}
	check(reflect.TypeFor[finding.Study](), root.definition)
}

func TestSchemaHasAllGradesAndAspects(t *testing.T) {
	var root struct {
		Defs map[string]struct {
			Enum []string `json:"enum"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(finding.SchemaJSON, &root); err != nil {
		t.Fatal(err)
	}
	var grades, aspects []string
	for _, grade := range finding.Grades() {
		grades = append(grades, string(grade))
	}
	for _, a := range finding.Aspects() {
		aspects = append(aspects, string(a))
	}
	if !slices.Equal(root.Defs["grade"].Enum, grades) || !slices.Equal(root.Defs["aspect"].Enum, aspects) {
		t.Errorf("the schema has the grades %v and the aspects %v", root.Defs["grade"].Enum, root.Defs["aspect"].Enum)
	}
}
