// Package transcript reads, writes and replays recorded exchanges of HTTP QQ:
// the protocol by example. The corpus is in testdata/transcripts, one file per
// theme; the same files are replayed against the codec, against the table of
// commands and against a server on a socket, so they say what the contract
// says and nothing about how it is kept.
//
// A script is plain text, one step a line, and always begins with an empty
// server:
//
//	# What is written here is kept as the comment of the next step.
//	account 10001 nick=Rookie
//	account 10002 nick="Pingu, Jr" face=270 rule=open
//	friends 10001 10002
//
//	@home
//	> VER=1.1&CMD=List&SEQ=4712&UIN=10001
//	< VER=1.1&CMD=List&SEQ=4712&UIN=10001&RES=0&FN=1&SN=1&UN=10002,
//
// # Steps
//
//	account UIN[-UIN] NAME=VALUE ...   the account exists, or each of the range
//	set UIN NAME=VALUE ...             the operator changes it while the server runs
//	friends UIN UIN[-UIN]              they are friends
//	setting NAME VALUE                 a setting of the server, before all else
//	notice UIN,UIN|all "TEXT"          the operator's message to some, or to all
//	remove UIN                         the operator removes the account
//	passwd UIN PASSWORD                the operator gives it another password
//	restart [DURATION]                 the server stops, is down so long, and starts on the same data
//	wait DURATION                      the clock moves, and what falls due happens
//	@NAME                              what follows comes from that client's address
//	charset NAME                       what follows declares that charset
//	login UIN[-UIN]                    each logs in, with the password 123456
//	repeat N                           the next exchange takes place N times
//	> RECORD                           a request
//	< RECORD                           its whole answer
//	>> BYTES                           a connection of its own, and what is sent on it
//	<< 200 RECORD                      an answer on that connection: a record,
//	<< 405                             or a status alone (100 is "go on"),
//	<< end                             or the end of the connection
//	%NAME> RECORD                      a record on a line, a connection that stays
//	%NAME>> BYTES                      what is sent on it in one piece, as it is
//	%NAME< RECORD                      what comes next on it: an answer, or unasked
//	%NAME< nothing                     nothing has come on it that was not written here
//	%NAME< end                         the server closes it
//	%NAME close                        the client closes it
//
// What is sent below an answer is sent on the same connection when the answer
// has come; an empty line or a comment ends the connection.
//
// A line is opened by what is sent on it first, from the client that speaks then.
// A restart ends all lines. When a script ends, nothing may have come on a line
// that is still open. Where bytes are not sent as they are, a line can be any
// connection that stays: WebSocket has the same records.
//
// @home is where a script begins. It is 127.0.0.2; the other names are
// 127.0.0.3, 127.0.0.4 and on, in the order in which the script first names
// them. A password that is not given is 123456. The names of an account's
// fields are listed at [AccountFieldNames]; settings have the names of the server's
// flags, trusted-proxy, public-url and allow-origin.
//
// # Bytes
//
// Records are written as they are, save for
//
//	\\ \r \n \t      backslash, CR, LF, TAB
//	\xNN             any byte
//	\{TEXT*N}        the text, N times
//	\[N-M]           the numbers from N to M, each followed by a comma
//
// and \" between quotation marks. What cannot be known before stands in braces:
//
//	{sid:NAME}       a token: in an answer whatever comes where it is named for the
//	                 first time, and that same token everywhere after
//	{now} {now-N}    the clock's time, or N seconds before, in Unix seconds
//
// An answer is compared byte by byte. An answer
// to version 1.4 ends in CR LF, which is not written in a script but expected
// where the answer begins with VER=1.4. Only the reason RA is left open by the
// contract: an answer that ends in &RA=*UN* fits any reason that is one
// line, properly escaped, and contains UN; *a*b* wants both, in that order.
package transcript
