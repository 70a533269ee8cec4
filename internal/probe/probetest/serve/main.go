// Serve runs the reference server until it is interrupted, so that the prober can be tried by hand.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/rookery-im/rookery/internal/probe/probetest"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8001", "where to listen, on this machine")
	mutant := flag.String("mutant", "", "the name of one behaviour that is changed; list shows all")
	madeUp := flag.Bool("made-up", false, "speak the made-up dialect")
	flag.Parse()
	if *mutant == "list" {
		for _, mutant := range append(probetest.Mutants(), probetest.MoreMutants()...) {
			fmt.Printf("%-32s %s\n", mutant.Name, mutant.Description)
		}
		return
	}
	if err := serve(*address, *mutant, *madeUp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address, mutant string, madeUp bool) error {
	config := probetest.Config{Mutant: mutant}
	if madeUp {
		config.Dialect = probetest.MadeUp()
	}
	server, err := probetest.New(config)
	if err != nil {
		return err
	}
	url, stop, err := server.Listen(address)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println("serving on", url)
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	<-ctx.Done()
	return nil
}
