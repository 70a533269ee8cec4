package fault

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rookery-im/rookery"
)

// On a full disk, changes are answered RES=4 and have no effect, while reading works. When space is available
// again, the server recovers by itself, and a repeated request takes effect once.
func TestFullDiskRefusesChangesAndRecovers(t *testing.T) {
	for _, disk := range testDisks(t) {
		t.Run(disk.name, func(t *testing.T) {
			seed, accounts := newSeed(t), newAccountSet(4, 2)
			s := disk.serve(t, accounts)
			load := accounts.newLoad(t, s.dial, seed)
			observer := &Client{UIN: onlooker, Post: HTTPPost(s.dial, true)}
			if err := observer.Login(t.Context(), password); err != nil {
				t.Fatal(err)
			}

			end := startLoad(t, load)
			awaitMessages(t, load, 50)
			disk.fill(t, s)
			awaitStandstill(t, load)
			checkReadsWork(t, observer)
			refused := checkChangeIsRefused(t, observer, accounts.receivers[0])
			disk.free(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
			defer cancel()
			if _, err := observer.SendUntilDone(ctx, refused); err != nil {
				t.Error(err)
			}
			if got := friendsOf(t, observer); len(got) != 1 {
				t.Errorf("after the repeated request, friends = %v, want one", got)
			}
			awaitMessages(t, load, countAcknowledged(load)+50)
			end()

			checkCollected(t, load)
			s.stop()
		})
	}
}

// onlooker is an account outside of the load.
const onlooker = rookery.FirstUIN + 5000

// testDisk is a disk that can be made full.
type testDisk struct {
	name string
	// serve starts the program for the accounts, with its data on the disk.
	serve      func(t *testing.T, c accountSet) *server
	fill, free func(t *testing.T, s *server)
}

// testDisks returns a disk whose files cannot grow, and a small file system.
func testDisks(t *testing.T) []testDisk {
	small := newSmallDisk(t)
	return []testDisk{
		{"files that cannot grow", serveOnDisk, forbidGrowth, allowGrowth},
		{
			"a small file system", small.serve,
			func(t *testing.T, _ *server) { small.fill(t, smallDiskSize) },
			func(t *testing.T, _ *server) { small.free(t) },
		},
	}
}

func serveOnDisk(t *testing.T, c accountSet) *server {
	dir := t.TempDir()
	createAccounts(t, dir, append(c.newAccounts(), testAccount{onlooker, rookery.RuleAsk}))
	return newServer(t, rookeryServe(t, dir, false))
}

// forbidGrowth limits all files of the server to the current length of the store's log.
func forbidGrowth(t *testing.T, s *server) {
	t.Helper()
	info, err := os.Stat(filepath.Join(s.program.dir, storeName+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	limitFiles(t, s, uint64(info.Size()))
}

func allowGrowth(t *testing.T, s *server) { limitFiles(t, s, unix.RLIM_INFINITY) }

func limitFiles(t *testing.T, s *server, bytes uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(s.process.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

// awaitStandstill waits until every sender has been answered RES=4 several times while no message was acknowledged.
// Before that, the disk may still have room for small changes.
func awaitStandstill(t *testing.T, load *Load) {
	t.Helper()
	done := countAcknowledged(load)
	refused := make(map[*Sender]int64)
	for deadline := time.Now().Add(requestTimeout); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if count := countAcknowledged(load); count != done {
			done = count
			clear(refused)
		}
		refusedSenders := 0
		for _, sender := range load.Senders {
			_, temporary := sender.RepeatCounts()
			if before, ok := refused[sender]; !ok {
				refused[sender] = temporary
			} else if temporary-before >= 3 {
				refusedSenders++
			}
		}
		if refusedSenders == len(load.Senders) {
			return
		}
	}
	t.Fatalf("the disk is full, but not all senders got RES=4 within %v", requestTimeout)
}

// checkReadsWork sends all requests that need no storage.
func checkReadsWork(t *testing.T, client *Client) {
	t.Helper()
	for command, fields := range map[string]string{
		"List": "&TN=160&UN=0", "Query_Stat": "&TN=50&UN=0", "GetInfo": "&UN=10001", "GetMsgEx": "",
	} {
		if answer, err := client.SendOnce(t.Context(), client.NewRequest(command, fields)); err != nil ||
			answer.RES != resDone {
			t.Errorf("on a full disk, the answer to %s is %s, %v, want RES=0", command, answer.Text, err)
		}
	}
}

// checkChangeIsRefused tries to add a friend while the disk is full, and returns the request.
func checkChangeIsRefused(t *testing.T, client *Client, other rookery.UIN) Request {
	t.Helper()
	request := client.NewRequest("AddToList", fmt.Sprintf("&UN=%d", other))
	answer, err := client.SendOnce(t.Context(), request)
	if err != nil || answer.RES != resTemporary || !strings.Contains(answer.Text, "&RA=") {
		t.Errorf("on a full disk, the answer to AddToList is %s, %v, want RES=4 with a reason", answer.Text, err)
	}
	if got := friendsOf(t, client); len(got) > 0 {
		t.Errorf("after an AddToList with RES=4, friends = %v, want none", got)
	}
	return request
}

func friendsOf(t *testing.T, client *Client) []rookery.UIN {
	t.Helper()
	answer, err := client.SendOnce(t.Context(), client.NewRequest("List", "&TN=160&UN=0"))
	if err != nil || answer.RES != resDone {
		t.Fatalf("the answer to List is %s, %v, want RES=0", answer.Text, err)
	}
	return answer.UINs("UN")
}
