// Command rookery is an instant messenger that speaks HTTP QQ. It contains the server, the commands of its
// operator, and a client for people and scripts.
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

// runCommandLine runs a command line and returns the exit code, see exitcodes.go. The context of the command ends
// with it.
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
