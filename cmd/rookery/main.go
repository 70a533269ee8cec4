// Command rookery is an instant messenger that speaks HTTP QQ: the server, and
// the commands for whoever runs it.
package main

import (
	"fmt"
	"os"
)

func main() {
	privateFiles()
	os.Exit(run(os.Args[1:]))
}

// run carries out a command line and returns the exit code: 1 for what failed,
// 2 for a command line that cannot be meant.
func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "rookery: "+describe(err))
	return exitCode(err)
}
