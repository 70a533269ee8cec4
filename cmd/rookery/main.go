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

// runCommandLine runs the command that args name and returns the exit code, see exitcodes.go. When the command
// returns, its context ends, which also releases a login lock that it holds.
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
