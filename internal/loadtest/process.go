package loadtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is what the kernel tells about a process (proc(5)), on Linux only.
type Process struct {
	PID, Parent int
	Name        string
	CPU         time.Duration // user and system, with that of children that ended
	Memory      int64         // resident, in bytes
}

// tick is the unit of processor time in /proc: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// Tree lists a process and all its descendants. It fails where the process is not
// there, or the system has no /proc.
func Tree(root int) ([]Process, error) {
	first, err := process(filepath.Join("/proc", strconv.Itoa(root), "stat"))
	if err != nil {
		return nil, err
	}
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]Process{}
	for _, name := range names {
		if p, err := process(name); err == nil { // else it has ended meanwhile
			children[p.Parent] = append(children[p.Parent], p)
		}
	}
	tree := []Process{first}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i].PID]...)
	}
	return tree, nil
}

// Memory is how much of a process is resident, in bytes; 0 where that cannot be told.
func Memory(pid int) int64 {
	p, err := process(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	return p.Memory
}

// WatchMemory looks at how much of a process is resident until most is called, which gives
// the most that it saw, in bytes; 0 where that cannot be told. most must be called, once.
func WatchMemory(pid int) (most func() int64) {
	end, seen := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for high := Memory(pid); ; high = max(high, Memory(pid)) {
			select {
			case <-tick.C:
			case <-end:
				seen <- high
				return
			}
		}
	}()
	return func() int64 {
		close(end)
		return <-seen
	}
}

// CPU sums the processor time of processes.
func CPU(list []Process) (sum time.Duration) {
	for _, p := range list {
		sum += p.CPU
	}
	return sum
}

// process reads one stat file. The name stands in parentheses and may hold anything,
// parentheses too.
func process(name string) (p Process, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return p, err
	}
	head, rest, _ := strings.Cut(string(text), " (")
	end := strings.LastIndexByte(rest, ')')
	fields := strings.Fields(rest[end+1:])
	if end < 0 || len(fields) < 22 {
		return p, fmt.Errorf("%s: not as proc(5) says", name)
	}
	number := func(text string) (n int64) {
		if err == nil {
			n, err = strconv.ParseInt(text, 10, 64)
		}
		return n
	}
	p = Process{PID: int(number(head)), Parent: int(number(fields[1])), Name: rest[:end], Memory: number(fields[21]) * int64(os.Getpagesize())}
	for _, ticks := range fields[11:15] { // utime, stime, cutime, cstime
		p.CPU += time.Duration(number(ticks)) * tick
	}
	return p, err
}
