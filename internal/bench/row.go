package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Row is the result of one workload on one server.
type Row struct {
	Workload string `json:"workload"`
	// Store distinguishes the servers of a growth run; empty in other runs.
	Store       string `json:"store,omitempty"`
	Connections int    `json:"connections"`
	// InFlight is the number of unanswered requests that each connection kept.
	InFlight int `json:"in_flight"`
	// KeepAlive is false if every request had its own connection.
	KeepAlive bool `json:"keep_alive"`
	Figures
	// Ratio is CPU divided by the floor's CPU, for the same number and use of connections. The floor has one request
	// in flight.
	Ratio float64 `json:"cpu_to_floor"`
	// DurableRatio is the same for the durable floor; 0 if the row is not compared with it.
	DurableRatio float64 `json:"cpu_to_durable_floor,omitempty"`
	Invalid      reasons `json:"invalid,omitempty"`
}

// JSON names of the figures that can be invalid.
const (
	rateFigure         = "requests_per_second"
	p99Figure          = "p99_ns"
	cpuFigure          = "server_cpu_ns_per_request"
	floorRatioFigure   = "cpu_to_floor"
	durableRatioFigure = "cpu_to_durable_floor"
)

// newRow returns row with the reasons why some of its figures are invalid.
func newRow(row Row) Row {
	row.Invalid.add(rateFigure, reasonNoSamples(row.Requests))
	row.Invalid.add(p99Figure, reasonFewSamples(row.Requests))
	row.Invalid.add(cpuFigure, reasonLittleCPU(row.CPU, row.Requests))
	return row
}

func (row *Row) compareWithFloor(floor Row) {
	row.Ratio = ratio(float64(row.CPU), float64(floor.CPU))
	row.Invalid.add(floorRatioFigure, reasonOfRatio(*row, floor, cpuFigure))
}

func (row *Row) compareWithDurableFloor(floor Row) {
	row.DurableRatio = ratio(float64(row.CPU), float64(floor.CPU))
	row.Invalid.add(durableRatioFigure, reasonOfRatio(*row, floor, cpuFigure))
}

// reasonOfRatio returns why the ratio of a figure of two rows is invalid, or "".
func reasonOfRatio(ours, theirs Row, figure string) string {
	if ours.Invalid[figure] == "" && theirs.Invalid[figure] != "" {
		return theirs.label() + ": " + theirs.Invalid[figure]
	}
	return ours.Invalid[figure]
}

// label returns the workload, the store if there are several, and the window.
func (row Row) label() string {
	name := row.Workload
	if row.Store != "" {
		name += ", " + row.Store
	}
	return fmt.Sprintf("%s (%s)", name, windowName(row.Connections, row.KeepAlive, row.InFlight))
}

// windowName describes how many requests were unanswered at a time, and over which connections.
func windowName(connections int, keepAlive bool, inFlight int) string {
	return fmt.Sprintf("%d connections %s, %d in flight", connections, connectionUse(keepAlive), inFlight)
}

func connectionUse(keepAlive bool) string {
	if keepAlive {
		return "kept alive"
	}
	return "per request"
}

func writeRows(w io.Writer, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "conns\tconnection\tin flight\tstore\tworkload\trequests/s\tp50 ms\tp99 ms\tCPU us\t"+
		"to floor\tto durable\tMiB\t")
	for _, row := range rows {
		cell, durableRatio := row.Invalid.cell, ""
		if row.DurableRatio != 0 || row.Invalid[durableRatioFigure] != "" {
			durableRatio = cell(durableRatioFigure, "%.2f", row.DurableRatio)
		}
		fmt.Fprintf(table, "%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t\n",
			row.Connections, connectionUse(row.KeepAlive), row.InFlight, row.Store, row.Workload,
			cell(rateFigure, "%.0f", row.PerSecond), cell(rateFigure, "%.2f", milliseconds(row.P50)),
			cell(p99Figure, "%.2f", milliseconds(row.P99)), cell(cpuFigure, "%.1f", microseconds(row.CPU)),
			cell(floorRatioFigure, "%.2f", row.Ratio), durableRatio, mebibytes(row.Resident))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "to floor, to durable: the CPU relative to that of the floor and of the durable floor, each with "+
		"as many connections and 1 in flight")
	for _, row := range rows {
		writeInvalid(w, row.label(), row.Invalid.String())
	}
	return nil
}
