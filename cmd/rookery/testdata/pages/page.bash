# What runs the blocks of a page: TestPages calls these functions, in the
# order of the page. All blocks share this shell, as they share the reader's.
set -eE -o pipefail

patience=120 # seconds that bound each wait, for a machine that is busy with much else
at= last=    # where the block is that runs, and the file with its text; LAST.out is what it prints
process=     # what runs the block, if it stays
terminals=0 commands=0 # how many there have been
exec 3>&2 </dev/null
trap 'failed "$BASH_COMMAND"' ERR

failed() {
	trap - ERR
	echo "$at: this failed: $1" >&3
	[ ! -e "$last.out" ] || sed 's/^/    /' "$last.out" >&3
	exit 1
}

ip link set lo up
mount -t tmpfs tmpfs /var
mkdir /var/backups /var/lib /var/tmp /var/lib/nginx
PATH=$PATH:/usr/sbin:/sbin # nginx
export LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1 TERM=xterm-256color PS1='$ ' TMUX_TMPDIR=$HOME TMUX=
# As make build does it: so that all builds share what is compiled.
export CGO_ENABLED=0 GOFLAGS=-trimpath

# clone makes ~/rookery, a copy of the repository, and goes there. It compiles, so
# that no wait below is for that.
clone() {
	mkdir ~/rookery
	tar -C "$repository" -c --exclude=./.git --exclude=./bin . | tar -C ~/rookery -x
	cd ~/rookery
	go build -o /dev/null ./cmd/rookery
}

# run AT BLOCK: what a reader pastes into a shell.
run() {
	at=$1 last=$2 process=
	. "$2" >"$2.out" 2>&1
}

# stay AT BLOCK: what a reader leaves running in another shell.
stay() {
	at=$1
	beside bash "$2"
}

# terminals AT BLOCK: each paragraph is typed on a terminal of its own. They are
# numbered from 1 on.
terminals() {
	at=$1 last=$2
	local line new=yes
	while IFS= read -r line; do
		if [ -z "$line" ]; then
			new=yes
			continue
		fi
		if [ "$new" ]; then
			new= terminals=$((terminals + 1))
			tmux -u -f /dev/null new-session -d -s "t$terminals" -x 160 -y 40 bash --norc 3>&-
		fi
		enter "$terminals" "$line"
	done <"$2"
}

# file AT BLOCK NAME: what a reader saves under that name. What has the name of an
# earlier one is appended.
file() {
	at=$1 last=
	mkdir -p "$(dirname "$3")"
	cat "$2" >>"$3"
}

# printed AT BLOCK: what the block before it has printed.
printed() {
	at=$1
	fits "$2" "$last.out"
}

# check AT COMMENT: what the page's source says for the test alone.
check() {
	at="$1 (test)"
	. "$2"
}

# These are for comments.

# beside COMMAND... runs it until leave, or until the page ends.
beside() {
	commands=$((commands + 1)) last=$HOME/.beside$commands
	: >"$last.out" # await may look for it before the command has begun
	setsid "$@" >>"$last.out" 2>&1 3>&- &
	process=$!
}

# leave ends what runs beside, and waits for all of it.
leave() {
	kill -- "-$process"
	wait "$process" || true
	while kill -0 -- "-$process" 2>/dev/null; do sleep 0.1; done
}

# await PATTERN waits until the block before, or what runs beside, has printed
# what matches.
await() {
	if [ "$process" ]; then
		timeout "$patience" grep -qm1 -E -- "$1" <(exec tail -n +1 -f --pid "$process" "$last.out" 3>&-)
	else
		grep -qE -- "$1" "$last.out"
	fi
}

# enter N TEXT types a text and Enter on a terminal.
enter() {
	tmux send-keys -l -t "t$1:" -- "$2"
	tmux send-keys -t "t$1:" Enter
}

# press N KEY... presses keys, as tmux names them.
press() {
	local number=$1
	shift
	tmux send-keys -t "t$number:" "$@"
}

# end_terminals closes all terminals. It waits until the server of tmux has ended:
# one that is ending would be asked for the next terminal.
end_terminals() {
	local server
	server=$(tmux display-message -p '#{pid}')
	tmux kill-server
	while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
}

screen() { tmux capture-pane -p -J -t "t$1:"; }

# shows N PATTERN waits until a terminal shows what matches.
shows() {
	local end=$((SECONDS + patience))
	until screen "$1" | grep -qE -- "$2"; do
		if [ $SECONDS -gt $end ]; then
			screen "$1" >&3
			failed "shows $1 $2"
		fi
		sleep 0.1
	done
}

# fields COMMAND checks objects in JSON, one a line: the page's table says of
# the command that they may have these fields.
fields() {
	local names name
	names=$(grep -E "^\|[^|]*\`$1\`[^|]*\|" "$repository/${at%%:*}" | cut -d'|' -f3- | grep -oE '`\w+`' | tr -d '`')
	jq -r 'keys_unsorted[]' >"$HOME/.fields"
	[ -s "$HOME/.fields" ]
	while read -r name; do
		grep -qx "$name" <<<"$names" || failed "fields $1: the page does not name $name"
	done <"$HOME/.fields"
}
