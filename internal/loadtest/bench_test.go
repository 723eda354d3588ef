package loadtest

import (
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

// BenchmarkClients compares what a request costs in all, client and server, by Conn
// and by net/http's client: the difference is what the client takes from a server on
// the same machine. Run it with -cpu 64 for as many connections.
func BenchmarkClients(b *testing.B) {
	url := serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1000)) })
	b.Run("conn", func(b *testing.B) {
		compare(b, func(pb *testing.PB) error {
			c, err := Dial(b.Context(), url)
			if err != nil {
				return err
			}
			defer c.Close()
			for err == nil && pb.Next() {
				err = get(b.Context(), c, Unit{})
			}
			return err
		})
	})
	b.Run("net/http", func(b *testing.B) {
		transport := &http.Transport{MaxIdleConnsPerHost: 100}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		compare(b, func(pb *testing.PB) error {
			for pb.Next() {
				a, err := client.Get(url)
				if err != nil {
					return err
				}
				_, _ = io.Copy(io.Discard, a.Body)
				_ = a.Body.Close()
			}
			return nil
		})
	})
}

// compare runs f in parallel and reports the processor time of a request.
func compare(b *testing.B, f func(*testing.PB) error) {
	before := spent(b)
	b.RunParallel(func(pb *testing.PB) {
		if err := f(pb); err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64((spent(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// spent is the processor time of this process so far.
func spent(b *testing.B) time.Duration {
	tree, err := Tree(os.Getpid())
	if err != nil {
		b.Skip(err)
	}
	return tree[0].CPU
}
