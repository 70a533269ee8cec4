// Command rookery is an instant messenger that speaks HTTP QQ: the server, the
// commands for whoever runs it, and those for people and scripts that use it.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	privateFiles()
	os.Exit(run(os.Args[1:]))
}

// run carries out a command line and returns the exit code, see exitcodes.go.
// The context of commands ends with it.
func run(args []string) int {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if text := describe(err); text != "" {
		fmt.Fprintln(os.Stderr, "rookery: "+text)
	}
	return exitCode(err)
}
