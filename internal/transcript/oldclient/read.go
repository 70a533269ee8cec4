package oldclient

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// fieldOrder returns the fields after RES in the order in which authors of clients saw them.
func fieldOrder(command string) []string {
	switch command {
	case "List":
		return []string{"FN", "SN", "UN"}
	case "Query_Stat":
		return []string{"FC", "FN", "SN", "ST", "UN", "NK"}
	case "Query_Stat2":
		return []string{"FN", "SN", "ST", "UN"}
	case "SimpleInfo2":
		return []string{"NP", "SN", "UN", "FC", "NK"}
	case "GetMsgEx":
		return []string{"MN", "MT", "UN", "MG"}
	}
	return nil
}

// Ways to find the record in a response.

// wholeBody is for programs whose library returns the body.
func wholeBody(response string) (string, error) { return response, nil }

// bodyAfterHeaders returns what follows the headers.
func bodyAfterHeaders(response string) (string, error) {
	_, body, ok := strings.Cut(response, "\r\n\r\n")
	if !ok {
		return "", errors.New("there is no empty line behind the headers")
	}
	return body, nil
}

// fromFirstVER returns everything from the first VER= on.
func fromFirstVER(response string) (string, error) {
	i := strings.Index(response, "VER=")
	if i < 0 {
		return "", errors.New("there is no VER= in it")
	}
	return response[i:], nil
}

// lastButOneLine splits the whole response into lines. The record's line end makes an empty last line.
func lastButOneLine(response string) (string, error) {
	lines := strings.Split(response, "\r\n")
	if len(lines) < 2 {
		return "", errors.New("it is one line")
	}
	return lines[len(lines)-2], nil
}

// withoutLineEnd is for programs of version 1.4 whose library returns the body.
func withoutLineEnd(response string) (string, error) {
	line, ok := strings.CutSuffix(response, "\r\n")
	if !ok {
		return "", errors.New("it does not end in CR LF")
	}
	return line, nil
}

// Ways to find a field in a record.

// fieldByNeighbours returns the text between a key and the key that usually follows it.
func fieldByNeighbours(record, command, key string) (string, error) {
	_, value, ok := strings.Cut(record, "&"+key+"=")
	if !ok {
		return "", fmt.Errorf("there is no &%s= in it", key)
	}
	fields := fieldOrder(command)
	next := slices.Index(fields, key) + 1
	if next == len(fields) {
		return value, nil
	}
	value, _, ok = strings.Cut(value, "&"+fields[next]+"=")
	if !ok {
		return "", fmt.Errorf("there is no &%s= behind %s", fields[next], key)
	}
	return value, nil
}

// fieldByPosition counts pairs: VER, CMD, SEQ, UIN and RES precede the fields. It ignores the key.
func fieldByPosition(record, command, key string) (string, error) {
	pairs := strings.Split(record, "&")
	i := 5 + slices.Index(fieldOrder(command), key)
	if i >= len(pairs) {
		return "", fmt.Errorf("there is no pair %d", i)
	}
	_, value, ok := strings.Cut(pairs[i], "=")
	if !ok {
		return "", fmt.Errorf("pair %d is %q", i, pairs[i])
	}
	return value, nil
}

var twoLetterKeyPattern = regexp.MustCompile(`&([A-Z]{2})=([^&]*)`)

// fieldByPattern finds all two-letter keys with a regular expression.
func fieldByPattern(record, _, key string) (string, error) {
	for _, match := range twoLetterKeyPattern.FindAllStringSubmatch(record, -1) {
		if match[1] == key {
			return match[2], nil
		}
	}
	return "", fmt.Errorf("no %s was found", key)
}

// Ways to split a list.

// dropLastPiece splits at commas and drops the last piece, whatever it is.
func dropLastPiece(list string) ([]string, error) {
	elements := strings.Split(list, ",")
	return elements[:len(elements)-1], nil
}

// requireFinalComma splits at commas and fails unless the last piece is empty. A line end after the list
// would become another element.
func requireFinalComma(list string) ([]string, error) {
	elements := strings.Split(list, ",")
	if last := elements[len(elements)-1]; last != "" {
		return nil, fmt.Errorf("%q stands behind the last comma", last)
	}
	return elements[:len(elements)-1], nil
}

// Ways to recognize a successful login.

func containsRESAndRS(record string) bool { return strings.Contains(record, "RES=0&RS=0") }
func containsLI(record string) bool       { return strings.Contains(record, "LI=300") }

func hasZeroRS(record string) bool {
	rs, err := fieldByPattern(record, "", "RS")
	return err == nil && rs == "0"
}

// Ways to list friends who are online.

// listOnlineByQueryStat requests the friends that are online.
func listOnlineByQueryStat(ctx context.Context, client *Client) ([]Friend, error) {
	columns, err := client.requestLists(ctx, "Query_Stat", "TN=50&UN=0", "FC", "ST", "UN", "NK")
	if err != nil {
		return nil, err
	}
	var messages []Friend
	for i := range columns[0] {
		messages = append(messages, Friend{Face: columns[0][i], Status: columns[1][i], UIN: columns[2][i],
			Nick: unescape(columns[3][i])})
	}
	return messages, nil
}

// listOnlineByQueryStat2 requests the statuses of all friends in version 1.4, and then their names.
func listOnlineByQueryStat2(ctx context.Context, client *Client) ([]Friend, error) {
	states, err := client.requestLists(ctx, "Query_Stat2", "UN=0", "ST", "UN")
	if err != nil {
		return nil, err
	}
	names, err := client.requestLists(ctx, "SimpleInfo2", "UN=0", "UN", "FC", "NK")
	if err != nil {
		return nil, err
	}
	var messages []Friend
	for i, uin := range states[1] {
		if states[0][i] == "20" {
			continue
		}
		friend := Friend{UIN: uin, Status: states[0][i]}
		if n := slices.Index(names[0], uin); n >= 0 {
			friend.Face, friend.Nick = names[1][n], unescape(names[2][n])
		}
		messages = append(messages, friend)
	}
	return messages, nil
}

// unescape decodes the escapes that clients know, and converts CR to a new line.
func unescape(text string) string {
	return strings.NewReplacer("%25", "%", "%26", "&", "%2c", ",", "%0D", "\n", "\r", "\n").Replace(text)
}
