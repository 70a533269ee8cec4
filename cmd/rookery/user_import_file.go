package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
)

// importRow is one account of an import file.
type importRow struct {
	position string // file:line
	account  control.NewAccount
}

// parseImport reads and checks a whole file. Errors name file, line and column.
func parseImport(name string, file io.Reader) ([]importRow, error) {
	reader := csv.NewReader(skipByteOrderMark(file))
	columns, err := reader.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("%s is empty", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := checkColumns(columns); err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	var rows []importRow
	lines := make(map[rookery.UIN]int) // line of each account number
	for {
		cells, err := reader.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := reader.FieldPos(0)
		row := importRow{position: fmt.Sprintf("%s:%d", name, line)}
		if row.account, err = parseRow(columns, cells); err != nil {
			return nil, fmt.Errorf("%s: %w", row.position, err)
		}
		if len(rows) > 0 && (row.account.UIN == 0) != (rows[0].account.UIN == 0) {
			return nil, fmt.Errorf("%s: column uin: some rows have a number and some have none; fill in all or none",
				row.position)
		}
		if first := lines[row.account.UIN]; first != 0 && row.account.UIN != 0 {
			return nil, fmt.Errorf("%s: column uin: account %d occurs in line %d already", row.position,
				row.account.UIN, first)
		}
		lines[row.account.UIN] = line
		rows = append(rows, row)
	}
}

// checkColumns reports an unknown, repeated or missing column.
func checkColumns(columns []string) error {
	seen := make(map[string]bool)
	for _, name := range columns {
		if seen[name] {
			return fmt.Errorf("column %s occurs twice", name)
		}
		seen[name] = true
		if !isKnownColumn(name) {
			return fmt.Errorf("there is no column %s; see rookery user import --help", strconv.Quote(name))
		}
	}
	if !seen["nick"] {
		return fmt.Errorf("column nick is missing; the first line must name the columns")
	}
	return nil
}

func isKnownColumn(name string) bool {
	for _, field := range control.Fields() {
		if field.Name == name {
			return true
		}
	}
	return name == "uin" || name == "password"
}

// parseRow returns the account that a row describes.
func parseRow(columns, cells []string) (control.NewAccount, error) {
	newAccount := control.NewAccount{Settings: make(control.Settings)}
	for i, name := range columns {
		text := cells[i]
		switch {
		case text == "" && name == "nick":
			return newAccount, fmt.Errorf("column nick is empty")
		case text == "":
		case name == "password":
			newAccount.Password = text
		case name == "uin":
			var flag uinFlag
			if err := flag.Set(text); err != nil {
				return newAccount, fmt.Errorf("column uin: %q: %w", text, err)
			}
			newAccount.UIN = flag.uin
		default:
			if err := (control.Settings{name: text}).Validate(); err != nil {
				return newAccount, fmt.Errorf("column %s: %w", name, err)
			}
			newAccount.Settings[name] = text
		}
	}
	return newAccount, nil
}

// skipByteOrderMark skips the byte order mark that spreadsheets write before UTF-8.
func skipByteOrderMark(r io.Reader) io.Reader {
	reader := bufio.NewReader(r)
	if mark, _ := reader.Peek(3); string(mark) == "\ufeff" {
		_, _ = reader.Discard(len(mark)) // the bytes are buffered
	}
	return reader
}
