package study_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/reference"
	"github.com/rookery-im/rookery/internal/probe/report"
	"github.com/rookery-im/rookery/internal/probe/study"
)

func TestTry(t *testing.T) {
	text, err := os.ReadFile("../compare/testdata/reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := experiment.Parse("reference.yaml", text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := reference.New(reference.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	budget := 20000
	l, err := lab.New(lab.Config{File: f, URL: url, Name: "a", Requests: budget, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := study.Run(context.Background(), study.Config{File: f, Subject: l, Requests: budget, Seed: 1, Confirm: true, Server: url})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Phases {
		fmt.Println("phase", p.Name, p.Requests, p.Facts, p.Ended)
	}
	n := map[finding.Grade]int{}
	for _, f := range out.Facts {
		n[f.Grade]++
		fmt.Printf("%s [%s %d/%d/%d] %s\n", f.Aspect, f.Grade, f.Observations, f.Sessions, f.Attacks, f.Statement)
	}
	for _, m := range out.Machines {
		fmt.Println("machine", m.Aspect, len(m.States), len(m.Inputs), m.Queries, m.Guarantee)
	}
	for _, g := range out.Untested {
		fmt.Println("gap", g)
	}
	fmt.Println(n, l.Sent())
	if dir := os.Getenv("REPORT"); dir != "" {
		os.MkdirAll(dir, 0o777)
		out.Servers = []string{url}
		if err := report.Write(dir, out); err != nil {
			t.Fatal(err)
		}
	}
}
