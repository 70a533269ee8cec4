package oldclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// StreamKinds returns the kinds that use a persistent connection. They treat each read as one record and
// lose any further records that arrive in the same read.
func StreamKinds() []ProgramKind { return []ProgramKind{cSharpStream(), delphiStream()} }

// cSharpStream writes records with a BinaryWriter, which puts the string's length before it. It still sends
// the commands that it had in its version 1.1 days as version 1.1.
func cSharpStream() ProgramKind {
	return ProgramKind{
		Name: "C#, version 1.4, BinaryWriter on a line", Version: "1.4", extraPairs: extra14, loginPairs: login14,
		formatSEQ: countingSEQ(1), encodeText: encodeRaw,
		version11Commands: []string{"List", "CLTMSG"}, exchange: exchangeOnStream(lengthPrefixed),
		findRecord: withoutLineEnd, findField: fieldByPosition, splitList: dropLastPiece, isLoginAccepted: containsLI,
		listOnline: listOnlineByQueryStat2, receive: receivePushed,
	}
}

// delphiStream writes lines with a TIdTCPClient in the system's code page.
func delphiStream() ProgramKind {
	return ProgramKind{
		Name: "Delphi, version 1.4, TIdTCPClient on a line", Version: "1.4", extraPairs: extra14, loginPairs: login14,
		formatSEQ: countingSEQ(1000), encodeText: encodeGBK,
		exchange:   exchangeOnStream(func(record string) string { return record + "\r\n" }),
		findRecord: withoutLineEnd, findField: fieldByNeighbours, splitList: dropLastPiece,
		isLoginAccepted: containsRESAndRS, listOnline: listOnlineByQueryStat2, receive: receivePushed,
	}
}

// lengthPrefixed returns a string as .NET's BinaryWriter writes it: first the length in groups of seven bits,
// lowest first, then the bytes.
func lengthPrefixed(record string) string {
	line := record + "\n"
	var prefix []byte
	n := len(line)
	for ; n >= 0x80; n >>= 7 {
		prefix = append(prefix, byte(n)|0x80)
	}
	return string(append(prefix, byte(n))) + line
}

// exchangeOnStream writes a record and reads until an answer arrives. It stores messages that are pushed meanwhile.
func exchangeOnStream(encode func(record string) string) exchangeFunc {
	return func(ctx context.Context, client *Client, record string) (string, error) {
		if err := client.connect(ctx); err != nil {
			return "", err
		}
		defer interruptWhenDone(ctx, client.conn)()
		if _, err := client.conn.Write([]byte(encode(record))); err != nil {
			return "", err
		}
		for {
			received, err := client.readRecord()
			if err != nil {
				return "", err
			}
			message, isPush, err := parsePush(received)
			if err != nil {
				return "", err
			}
			if !isPush {
				return received, nil
			}
			client.pushedMessages = append(client.pushedMessages, message)
		}
	}
}

// readRecord treats the result of one read as one record.
func (c *Client) readRecord() (string, error) {
	buffer := make([]byte, 8192)
	n, err := c.conn.Read(buffer)
	return string(buffer[:n]), err
}

// receivePushed returns the stored pushes. If there are none, it waits for one.
func receivePushed(ctx context.Context, client *Client) ([]Message, error) {
	messages := client.pushedMessages
	client.pushedMessages = nil
	if len(messages) > 0 {
		return messages, nil
	}
	defer interruptWhenDone(ctx, client.conn)()
	received, err := client.readRecord()
	if err != nil {
		return nil, err
	}
	message, isPush, err := parsePush(received)
	if err == nil && !isPush {
		err = errors.New("it is no push")
	}
	if err != nil {
		return nil, client.readError("push", received, err)
	}
	return []Message{message}, nil
}

// parsePush parses a push by the positions of its pairs. ok is false if the record is not a push.
func parsePush(received string) (message Message, ok bool, err error) {
	line, isWhole := strings.CutSuffix(received, "\r\n")
	pairs := strings.Split(line, "&")
	if len(pairs) < 2 || pairs[1] != "CMD=Server_Msg" && pairs[1] != "CMD=update_stat" {
		return Message{}, false, nil
	}
	if !isWhole || strings.Contains(line, "\n") {
		return Message{}, true, fmt.Errorf("a read is not one record: %q", received)
	}
	value := func(i int, key string) (string, error) {
		if i >= len(pairs) || !strings.HasPrefix(pairs[i], key+"=") {
			return "", fmt.Errorf("pair %d of %q is not %s", i, received, key)
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
