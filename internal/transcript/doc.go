// Package transcript reads, writes and replays recorded exchanges of HTTP QQ. The transcripts are in
// testdata/transcripts, one file per topic. The same files are replayed against the codec, the command handlers and a
// complete server on a socket, so they describe the contract and not its implementation.
//
// A script is plain text with one step per line. It begins with an empty server:
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
//	account UIN[-UIN] NAME=VALUE ...   create the account, or each of the range
//	set UIN NAME=VALUE ...             change the account as operator
//	friends UIN UIN[-UIN]              make the accounts friends
//	setting NAME VALUE                 set a flag of the server, before all other steps
//	notice UIN,UIN|all "TEXT"          send a notice to some accounts, or to all
//	remove UIN                         remove the account as operator
//	passwd UIN PASSWORD                change the password as operator
//	restart [DURATION]                 stop the server and restart it after DURATION on the same data
//	wait DURATION                      advance the clock
//	@NAME                              send the following from that client's address
//	charset NAME                       declare that charset in the following requests
//	login UIN[-UIN]                    log in each account with the password 123456
//	repeat N                           repeat the next exchange N times
//	> RECORD                           a request
//	< RECORD                           the whole answer to the request
//	>> BYTES                           open a connection and send the bytes on it
//	<< 200 RECORD                      expect an answer on that connection: a record,
//	<< 405                             or a status alone (100 is Continue),
//	<< end                             or the end of the connection
//	%NAME> RECORD                      send a record on a line, a persistent connection
//	%NAME>> BYTES                      send the bytes in one write
//	%NAME< RECORD                      expect the next record: an answer or a push
//	%NAME< nothing                     expect that no other record has arrived
//	%NAME< end                         expect that the server closes the line
//	%NAME close                        close the line
//
// Bytes that follow an answer are sent on the same connection after that answer has arrived. An empty line or a
// comment ends the connection.
//
// The first record on a line opens it, from the current client's address. A restart closes all lines. At the end of a
// script, no unexpected record may have arrived on an open line. A script that sends no bytes on lines also works on
// other persistent connections, such as a WebSocket.
//
// A script begins at @home, which is 127.0.0.2. The other names are 127.0.0.3, 127.0.0.4 and so on, in order of first
// use. The default password is 123456. [AccountFieldNames] lists the names of account fields. Settings are named like
// the server's flags: trusted-proxy, public-url and allow-origin.
//
// # Bytes
//
// Records are written literally, except for these escapes:
//
//	\\ \r \n \t      backslash, CR, LF, TAB
//	\xNN             any byte
//	\{TEXT*N}        the text, N times
//	\[N-M]           the numbers from N to M, each followed by a comma
//
// and \" between quotation marks. Variables stand for values that are not known in advance:
//
//	{sid:NAME}       a token: in an answer whatever comes where it is named for the
//	                 first time, and that same token everywhere after
//	{now} {now-N}    the clock's time, or N seconds before, in Unix seconds
//
// Answers are compared byte by byte. An answer to version 1.4 ends in CR LF, which scripts omit: it is expected if the
// answer begins with VER=1.4. The contract leaves only the reason RA open: an answer that ends in &RA=*UN* matches any
// reason that is one line, properly escaped, and contains UN. *a*b* requires both, in that order.
package transcript
