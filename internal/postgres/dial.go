package postgres

import (
	"net"
	"time"
)

// gone is how long a server may leave what was sent to it, or the question whether it is there,
// without any answer of its system until its connections break. How long a statement takes does
// not matter. One that is gone without a word would have whoever waits for it, and has set no
// end, wait until TCP gives up: a quarter of an hour.
const gone = 30 * time.Second

// dialer connects to servers; each attempt has a time.
func dialer(attempt time.Duration) *net.Dialer {
	const questions, between = 3, 5 * time.Second
	return &net.Dialer{
		Timeout: attempt, Control: breakWhenGone,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: gone - questions*between, Interval: between, Count: questions},
	}
}
