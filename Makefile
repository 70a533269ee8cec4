# Rookery's menu: `make` alone prints it.
#
# A comment behind a target that begins with two # is its line in the menu.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0

# How long each fuzz target runs in `make fuzz`, and in `make test`.
FUZZTIME       ?= 60s
SHORT_FUZZTIME ?= 3s
# How long the tests of one package may take.
TIMEOUT        ?= 30m

# Programs that the tests start, and the Debian package that each is in. The
# race detector needs a C compiler; nothing else here does. The pages' examples
# run in namespaces of their own: unshare and ip make them.
NEEDS := gcc:gcc curl:curl strace:strace tmux:tmux jq:jq python3:python3 sqlite3:sqlite3 nginx:nginx-light \
	openssl:openssl unshare:util-linux ip:iproute2

.PHONY: help names run test quick check plain fast fuzz short-fuzz bench bench-probe protocol-page not-run lint vulnerabilities build cross cover clean prerequisites

help: ## this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## a server on 127.0.0.1, ports 8000 and 14000; ARGS="--data DIR" and others are passed on
	go run ./cmd/rookery serve $(ARGS)

# The cheap checks come first, the long ones last.
test: prerequisites ## everything: installs what it needs, then lint, build, fuzzers for a few seconds, all tests
	@MAKE=$(MAKE) .ci/steps lint vulnerabilities cross short-fuzz bench-probe plain not-run check

quick: ## what a developer runs before a commit: lint and the fast tests
	@MAKE=$(MAKE) .ci/steps lint fast

check: ## all tests with the race detector, except the long ones of cmd/rookery
	CGO_ENABLED=1 go test -race -timeout $(TIMEOUT) ./...

# The pages and the long runs of the prober take minutes with the race detector, and start no goroutines
# that other tests do not start: see skipLongTest.
plain:
	go test -count=1 -timeout $(TIMEOUT) ./cmd/rookery

fast:
	go test -short ./...
	@echo "not run: the tests that take minutes; make test runs all"

# Go runs one fuzz target at a time, so they are looked up and run in turn.
fuzz: ## every fuzz target for FUZZTIME (60s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | LC_ALL=C sort | while IFS=: read -r file func; do \
		echo "$${func#func } for $(FUZZTIME), in $$(dirname "$$file")"; \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null || exit 1; \
	done

short-fuzz:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=$(SHORT_FUZZTIME)

bench: build ## what the server costs on this machine, beside two bare servers; minutes
	bin/rookery bench $(ARGS)

bench-probe: ## how many changed behaviours the prober finds and names; ARGS="-mutant NAME -v" for one, ARGS=-update writes docs/prober.md's table
	go test -count=1 -timeout $(TIMEOUT) -run Mutants ./internal/probe/compare $(ARGS)

protocol-page: ## whether docs/protocol.md says what the prober finds of the server; ARGS=-update writes its tables anew
	go test -count=1 -timeout $(TIMEOUT) -run 'TestProtocolPage|TestDefaultRun' ./cmd/rookery $(ARGS)

not-run: ## the examples of README and docs that the tests cannot run, and why
	@go test -count=1 -v -run TestBlocksThatAreNotRun ./cmd/rookery | sed -n 's/.*: \(.*: NOT RUN\)/\1/p'

lint: ## formatting, go vet, staticcheck, go.mod
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	go mod tidy -diff
	go mod verify
	go vet ./...
	go vet -tags race ./... # the files that only the race detector's run compiles
	go run $(STATICCHECK) ./...

names: ## the average length of identifiers, and the type names that packages share
	@go test -count=1 -v -run TestNames . | sed -n 's/^ *style_test.go:[0-9]*: //p'

# Exit code 3 is what govulncheck ends with if it has found something. Without
# its data, which it fetches, nothing can be said; that fails no build.
vulnerabilities: ## known vulnerabilities in what is imported, where their list can be fetched
	@code=0; \
	out=$$({ GOBIN="$(CURDIR)/bin" go install $(GOVULNCHECK) && timeout 120 bin/govulncheck ./...; } 2>&1) || code=$$?; \
	if [ $$code -eq 0 ]; then echo "govulncheck: nothing found"; \
	elif [ $$code -eq 3 ]; then echo "$$out"; exit 1; \
	else echo "govulncheck: NOT CHECKED: $$(echo "$$out" | tail -n 1)"; fi

build: ## one static binary, bin/rookery
	CGO_ENABLED=0 go build -trimpath -o bin/rookery ./cmd/rookery

# Only whether it compiles, for machines on which many servers run at home.
cross:
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o bin/rookery-linux-arm64 ./cmd/rookery
	CGO_ENABLED=0 GOOS=linux GOARCH=arm go build -o bin/rookery-linux-arm ./cmd/rookery

cover: ## how much of the code the tests run, by package
	@mkdir -p bin
	go test -coverpkg=./... -coverprofile=bin/cover.out ./...
	go tool cover -func=bin/cover.out | tail -n 1

clean: ## removes what the other targets made
	rm -rf bin
	find . -path ./.git -prune -o '(' -name '*.test' -o -name '*.prof' ')' -exec rm -f {} +

prerequisites:
	@missing=; for need in $(NEEDS); do \
		PATH=$$PATH:/usr/sbin command -v "$${need%%:*}" >/dev/null || missing="$$missing $${need##*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" -eq 0 ]; then as=; elif sudo -n true 2>/dev/null; then as="sudo -n"; else as=none; fi; \
	if [ "$$as" = none ] || ! command -v apt-get >/dev/null; then \
		echo "the tests need what these Debian packages hold, install them:$$missing"; exit 1; \
	fi; \
	echo "installing$$missing"; \
	$$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null
