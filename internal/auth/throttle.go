package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	// pairTries are free for an account from one network; each one after that
	// doubles the wait for the next, from pairWait to pairWaitMost.
	pairTries    = 5
	pairWait     = time.Second
	pairWaitMost = 15 * time.Minute
	pairForget   = time.Hour // without a try

	// A network may fail networkBurst times in a row over all accounts, and once
	// every networkEvery in the long run. Schools share an address, so this
	// is generous; successes do not count.
	networkBurst = 100
	networkEvery = 6 * time.Second

	// An account that fails more often than this, from anywhere, is under
	// attack: each network then has one free try at it instead of pairTries.
	accountBurst = 20
	accountEvery = time.Minute

	// A network registers or renames so many people in a row, and one every registerEvery
	// in the long run: a class that begins together behind one address finds room.
	registerBurst = 100
	registerEvery = 250 * time.Millisecond

	// throttled bounds each of the four memories; an entry takes about 100 bytes.
	throttled = 1 << 16
)

// Throttle slows guessing of passwords, and registering, without giving anyone a way to keep
// the owner of an account out:
//
//   - The same account from the same network waits longer after each failure.
//   - One network trying many accounts runs into a budget of its own.
//   - Many networks trying one account (a botnet) get one try each, then wait.
//
// What is never done is to refuse an account as a whole. A network that has not
// failed itself always has a first try, so the right password gets in from
// there whatever others do. The price is that n networks have n tries; the
// bounded queue of Hasher limits them together.
//
// A try is counted before the password is checked and forgiven if it was right,
// so that thousands sent at once cannot slip through together. The state is per
// process and bounded; losing it, by a restart or a flood from more networks
// than it has room for, gives the attackers their free tries again and nobody
// else a wait.
type Throttle struct {
	clock func() time.Time
	seed  maphash.Seed

	mu        sync.Mutex
	pairs     *recent[pair, backoff]
	networks  *recent[netip.Prefix, bucket]
	accounts  *recent[uint64, bucket]
	newcomers *recent[netip.Prefix, bucket]
}

type pair struct {
	account uint64
	network netip.Prefix
}

// NewThrottle returns a Throttle that has seen no failure.
func NewThrottle(clock func() time.Time) *Throttle {
	return &Throttle{
		clock: clock, seed: maphash.MakeSeed(),
		pairs:     newRecent[pair, backoff](throttled),
		networks:  newRecent[netip.Prefix, bucket](throttled),
		accounts:  newRecent[uint64, bucket](throttled),
		newcomers: newRecent[netip.Prefix, bucket](throttled),
	}
}

// Allow tells how long a login must wait; 0 means that the password may be
// checked now, and counts the try; address is the client's own, not a proxy's.
// account is the name that was typed, whether somebody has it or not: by a budget
// that somebody's names shared, anyone could tell whose address belongs to whose
// username. So who knows both has twice the tries, of which guessing gains
// little: an hour of them comes to some forty passwords from one network.
func (t *Throttle) Allow(account string, address netip.Addr) time.Duration {
	p := t.pair(account, address)
	now := t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	network, _ := t.networks.get(p.network)
	if wait := network.wait(now, networkBurst, networkEvery); wait > 0 {
		return wait
	}
	tries, _ := t.pairs.get(p)
	if wait := tries.next.Sub(now); wait > 0 {
		return wait
	}
	failed, _ := t.accounts.get(p.account)
	free := pairTries
	if failed.wait(now, accountBurst, accountEvery) > 0 {
		free = 1
	}
	t.networks.put(p.network, network.take(now, networkEvery))
	t.accounts.put(p.account, failed.take(now, accountEvery))
	t.pairs.put(p, tries.after(now, free))
	return 0
}

// Succeeded takes back what Allow counted, for a password that was right. For
// nothing else: a try that ErrBusy turned away stays counted, or making the
// hashers busy would buy guesses.
func (t *Throttle) Succeeded(account string, address netip.Addr) {
	p := t.pair(account, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pairs.delete(p)
	if b, ok := t.networks.get(p.network); ok {
		t.networks.put(p.network, b.giveBack(networkEvery))
	}
	if b, ok := t.accounts.get(p.account); ok {
		t.accounts.put(p.account, b.giveBack(accountEvery))
	}
}

// Register tells how long a registration, or a change of a name or an address, must wait; 0
// means that it may go on, and counts it, whatever becomes of it: no others tell whether a
// name is taken, so that names can be tried no faster.
func (t *Throttle) Register(address netip.Addr) time.Duration {
	network, now := networkOf(address), t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	b, _ := t.newcomers.get(network)
	wait := b.wait(now, registerBurst, registerEvery)
	if wait == 0 {
		t.newcomers.put(network, b.take(now, registerEvery))
	}
	return wait
}

func (t *Throttle) pair(account string, address netip.Addr) pair {
	return pair{maphash.String(t.seed, account), networkOf(address)}
}

// networkOf takes the /64 of an IPv6 address, for its owner has all of that.
func networkOf(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	network, _ := address.Prefix(min(address.BitLen(), 64)) // the zero Addr has the zero Prefix
	return network
}

// backoff is the state of an account at a network.
type backoff struct {
	tries int
	next  time.Time // no try before
}

func (b backoff) after(now time.Time, free int) backoff {
	if now.Sub(b.next) > pairForget {
		b.tries = 0
	}
	b.tries++
	b.next = now
	if over := b.tries - free; over >= 0 {
		b.next = now.Add(min(pairWait<<min(over, 16), pairWaitMost))
	}
	return b
}

// bucket is a leaky bucket in the form of the generic cell rate algorithm: the
// one instant at which it will be empty again.
type bucket struct{ empty time.Time }

// wait is how long until there is room for one more.
func (b bucket) wait(now time.Time, burst int, every time.Duration) time.Duration {
	return max(0, b.empty.Add(-time.Duration(burst-1)*every).Sub(now))
}

func (b bucket) take(now time.Time, every time.Duration) bucket {
	if b.empty.Before(now) {
		b.empty = now
	}
	return bucket{b.empty.Add(every)}
}

func (b bucket) giveBack(every time.Duration) bucket {
	return bucket{b.empty.Add(-every)}
}
