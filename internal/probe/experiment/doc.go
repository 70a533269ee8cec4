// Package experiment reads experiment files: what the prober is told of a server
// before it asks anything, and the notation of the steps that it takes.
//
// # Files
//
// A file is YAML. The shipped ones, in files/, show its form; [Parse] says of a
// file with errors what is wrong on which line, and what is allowed there.
//
//	name        what is studied, for people
//	server      its URL; the command line may name another
//	accounts    roles with account and secret: the one that acts, its peer, a stranger
//	pool        first, last, secret: a range of fresh accounts
//	places      addresses of this machine to ask from
//	friends     pairs of roles that are friends when an experiment begins
//	reset       commands, pool, or {url: ...}: how the next one begins anew
//	clock       real, or {url: ...}: a POST of seconds moves a test server's clock
//	syntax      pair, equals, list, escape, path, type, close, charsets
//	answer      code, done, not_logged_in, prose
//	parameters  by key: type, values, min, max of keys that many commands have
//	commands    by name: request, does, done, parameters, destructive, session
//	setup       steps after each reset
//	scenarios   by name: steps that the user wants to have tried
//	limits      requests, rate, time, failed_logins (3, or 3 per 10m), wait
//	allow       destructive, hosts
//
// A secret is $NAME or "${NAME:-PASSWORD}" for a variable of the environment, else
// it is the password itself; $$ at its beginning is a dollar sign.
//
// # Templates
//
// Values of requests and steps are templates. {seq} is a fresh mark, {me} the
// account that acts, {to} the one it is directed at, {ROLE} the account of a role,
// {text} fresh words, {command} the command's name, {time} the clock in Unix
// seconds, {secret}, {md5(secret)}, {MD5(secret)} (in capitals), {sha1(secret)} and
// {sha256(secret)} the proof of the account that acts. {last(secret)}, {first(secret)} and
// {middle(secret)}, of any proof, have one character changed, {cut(secret)} has the last one
// left out. In a step {seq:N} and
// {text:N} are the mark and the words of the experiment's N-th step, from 1. {{ is
// a brace.
//
// # Steps
//
// A step is one line, as described at [Step]:
//
//	wait SECONDS
//	ROLE[@PLACE] COMMAND[.VERB] [to ROLE] [CHANGE]...
//
// SECONDS may have a fraction. PLACE counts from 1, which is also meant if it is
// left out. Without to the step is directed at the role's peer, see [File.Peer].
// Changes are made in their order:
//
//	KEY=VALUE     the key's value; the pair comes last if there was none
//	-KEY          without the key
//	+KEY=VALUE    one more pair at the end
//	^KEY=VALUE    one more pair at the beginning
//	~KEY=SPELLING the key is spelt so
//	>KEY          the pair moves to the end
//	<KEY          the pair moves to the beginning
//
// What holds a space, a quote, or what cannot be printed, is in double quotes, with
// the escapes of Go: MG="two words", MG="\xff". So is a key that is empty, holds an
// equals sign, or begins with one of the signs above, and a command whose name
// holds a dot where that could be taken for a verb's: a "Msg.send". In YAML a step
// that holds a # or a colon with a space beside it stands in single quotes as a
// whole.
package experiment
