// Command rookery is an instant messenger that speaks HTTP QQ: the server, the
// commands for whoever runs it, and those for people and scripts that use it.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	restrictFileModes()
	os.Exit(runCommandLine(os.Args[1:]))
}

// runCommandLine carries out a command line and returns the exit code, see exitcodes.go.
// The context of commands ends with it.
func runCommandLine(args []string) int {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if text := errorText(err); text != "" {
		fmt.Fprintln(os.Stderr, "rookery: "+text)
	}
	return exitCode(err)
}
