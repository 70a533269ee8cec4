package experiment

import (
	"embed"
	"path"
	"strings"
)

//go:embed files/*.yaml
var shippedFiles embed.FS

// ShippedNames returns the names of the experiment files that are part of the program.
func ShippedNames() []string {
	entries, err := shippedFiles.ReadDir("files")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return names
}

// ReadShipped returns the text of a shipped file. The name may end in .yaml.
func ReadShipped(name string) (text []byte, ok bool) {
	text, err := shippedFiles.ReadFile(path.Join("files", strings.TrimSuffix(name, ".yaml")+".yaml"))
	return text, err == nil
}
