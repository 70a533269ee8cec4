package oldclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Lines returns the kinds that hold a line to the server. Their authors took one
// read for one record: what comes together with it they lose.
func Lines() []Kind { return []Kind{cSharpLine(), delphiLine()} }

// cSharpLine writes its records with a BinaryWriter, which puts the length of a
// string before it. What it had from its 1.1 days it still sends as 1.1.
func cSharpLine() Kind {
	return Kind{
		Name: "C#, version 1.4, BinaryWriter on a line", Version: "1.4", extra: extra14, login: login14, seq: counter(1), encode: raw,
		older: []string{"List", "CLTMSG"}, post: onLine(lengthPrefixed),
		record: trimmedLine, field: byPosition, elements: withoutLast, accepted: saysLI, online: queryStat2, receive: pushed,
	}
}

// delphiLine writes lines with a TIdTCPClient, in the system's code page.
func delphiLine() Kind {
	return Kind{
		Name: "Delphi, version 1.4, TIdTCPClient on a line", Version: "1.4", extra: extra14, login: login14, seq: counter(1000), encode: gbk,
		post:   onLine(func(record string) string { return record + "\r\n" }),
		record: trimmedLine, field: byNeighbours, elements: withoutLast, accepted: saysZeroAndZero, online: queryStat2, receive: pushed,
	}
}

// lengthPrefixed is a string as .NET's BinaryWriter writes it: the length in
// groups of seven bits, the lowest first, and then its bytes.
func lengthPrefixed(record string) string {
	line := record + "\n"
	var prefix []byte
	n := len(line)
	for ; n >= 0x80; n >>= 7 {
		prefix = append(prefix, byte(n)|0x80)
	}
	return string(append(prefix, byte(n))) + line
}

// onLine is a client that writes a record to the line and reads until there is
// an answer. What is pushed meanwhile it keeps for its user.
func onLine(write func(record string) string) post {
	return func(ctx context.Context, client *Client, record string) (string, error) {
		if err := client.connect(ctx); err != nil {
			return "", err
		}
		defer bound(ctx, client.conn)()
		if _, err := client.conn.Write([]byte(write(record))); err != nil {
			return "", err
		}
		for {
			came, err := client.readOnce()
			if err != nil {
				return "", err
			}
			message, isPush, err := pushOf(came)
			if err != nil {
				return "", err
			}
			if !isPush {
				return came, nil
			}
			client.pushed = append(client.pushed, message)
		}
	}
}

// readOnce reads once, and takes that for a record.
func (c *Client) readOnce() (string, error) {
	buffer := make([]byte, 8192)
	n, err := c.conn.Read(buffer)
	return string(buffer[:n]), err
}

// pushed returns what was pushed, and waits for something if nothing was.
func pushed(ctx context.Context, client *Client) ([]Message, error) {
	all := client.pushed
	client.pushed = nil
	if len(all) > 0 {
		return all, nil
	}
	defer bound(ctx, client.conn)()
	came, err := client.readOnce()
	if err != nil {
		return nil, err
	}
	message, isPush, err := pushOf(came)
	if err == nil && !isPush {
		err = errors.New("it is no push")
	}
	if err != nil {
		return nil, client.confused("push", came, err)
	}
	return []Message{message}, nil
}

// pushOf reads a push by the position of its pairs; ok is false for what is
// none.
func pushOf(came string) (message Message, ok bool, err error) {
	line, whole := strings.CutSuffix(came, "\r\n")
	pairs := strings.Split(line, "&")
	if len(pairs) < 2 || pairs[1] != "CMD=Server_Msg" && pairs[1] != "CMD=update_stat" {
		return Message{}, false, nil
	}
	if !whole || strings.Contains(line, "\n") {
		return Message{}, true, fmt.Errorf("a read is not one record: %q", came)
	}
	value := func(i int, key string) (string, error) {
		if i >= len(pairs) || !strings.HasPrefix(pairs[i], key+"=") {
			return "", fmt.Errorf("pair %d of %q is not %s", i, came, key)
		}
		return pairs[i][len(key)+1:], nil
	}
	var errs [3]error
	if pairs[1] == "CMD=update_stat" {
		message.Type = "99"
		message.Text, errs[0] = value(5, "ST")
		message.From, errs[1] = value(6, "UN")
	} else {
		message.Type, errs[0] = value(6, "MT")
		message.From, errs[1] = value(7, "UN")
		message.Text, errs[2] = value(8, "MG")
		message.Text = unescape(message.Text)
	}
	return message, true, errors.Join(errs[:]...)
}
