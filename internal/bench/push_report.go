package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

func (rep *PushReport) String() string {
	var text strings.Builder
	if rep.Idle != nil {
		rep.Idle.writeMemory(&text)
	}
	if rep.Idle != nil || rep.Chat != nil {
		rep.writeMessages(&text)
	}
	return text.String()
}

// writeMemory writes the table of the memory of idle connections.
func (idle *IdleReport) writeMemory(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%d idle connections\tMiB before\tafter\tKiB each\tratio\t\n", idle.Connections)
	bare := idle.Bare.perConnection(idle.Connections)
	for _, row := range []struct {
		name   string
		memory MemoryChange
	}{{"bare server", idle.Bare}, {"rookery, logged in", idle.Rookery}} {
		each := row.memory.perConnection(idle.Connections)
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%s\t%s\t\n", row.name, mebibytes(row.memory.Before),
			mebibytes(row.memory.After), cellText(row.memory.Invalid, "%.2f", each/(1<<10)),
			cellText(row.memory.Invalid+idle.Bare.Invalid, "%.2f", ratio(each, bare)))
	}
	table.Flush() // to memory
	writeInvalid(w, "memory of the bare server", idle.Bare.Invalid)
	writeInvalid(w, "memory of rookery", idle.Rookery.Invalid)
	fmt.Fprintf(w, "all logged in after %v, weighed after %v of silence\n\n",
		idle.LoginDuration.Round(time.Millisecond), idle.Settle)
}

// writeMessages writes the table of the latency of messages.
func (rep *PushReport) writeMessages(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "messages\tper second\tanswer p50 ms\tp99\tpush p50 ms\tp99\tCPU us\t")
	row := func(name string, result ChatResult) {
		cell := result.Invalid.cell
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name,
			cell(messageRateFigure, "%.0f", result.PerSecond),
			cell(messageRateFigure, "%.2f", milliseconds(result.Answer.P50)),
			cell(answerP99Figure, "%.2f", milliseconds(result.Answer.P99)),
			cell(messageRateFigure, "%.2f", milliseconds(result.Push.P50)),
			cell(pushP99Figure, "%.2f", milliseconds(result.Push.P99)),
			cell(messageCPUFigure, "%.0f", microseconds(result.CPU)))
	}
	if rep.Idle != nil {
		row("to the idle", rep.Idle.Trickle)
	}
	if chat := rep.Chat; chat != nil {
		row(chat.name(), chat.ChatResult)
		// The store gets as many messages as the server.
		cell := chat.Invalid.cell
		fmt.Fprintf(table, "the store alone\t%s\t%s\t%s\t\t\t\t\n", cell(messageRateFigure, "%.0f", chat.PerSecond),
			cell(messageRateFigure, "%.2f", milliseconds(chat.Commit.P50)),
			cell(answerP99Figure, "%.2f", milliseconds(chat.Commit.P99)))
	}
	table.Flush() // to memory
	if rep.Idle != nil {
		writeInvalid(w, "to the idle", rep.Idle.Trickle.Invalid.String())
	}
	if rep.Chat != nil {
		writeInvalid(w, rep.Chat.name(), rep.Chat.Invalid.String())
	}
}

func (chat *ChatReport) name() string { return fmt.Sprintf("between %d accounts", chat.Accounts) }

// writeInvalid writes why a part of a table is invalid. It writes nothing if reason is empty.
func writeInvalid(w io.Writer, what, reason string) {
	if reason != "" {
		fmt.Fprintf(w, "%s: %s: %s\n", Invalid, what, reason)
	}
}
