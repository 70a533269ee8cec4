package experiment

import (
	"embed"
	"path"
	"strings"
)

//go:embed files/*.yaml
var files embed.FS

// ShippedNames are the names of the experiment files that come with the program.
func ShippedNames() []string {
	entries, err := files.ReadDir("files")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// ReadShipped is the text of a shipped file, named as in [ShippedNames] or with .yaml
// behind it.
func ReadShipped(name string) (text []byte, ok bool) {
	text, err := files.ReadFile(path.Join("files", strings.TrimSuffix(name, ".yaml")+".yaml"))
	return text, err == nil
}
