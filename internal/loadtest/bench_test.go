package loadtest

import (
	"io"
	"net/http"
	"testing"
)

// BenchmarkClients compares what a request costs in all, client and server, by Conn
// and by net/http's client: the difference is what the client takes from a server on
// the same machine.
func BenchmarkClients(b *testing.B) {
	url := serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1000)) })
	b.Run("conn", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			c, err := Dial(b.Context(), url)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			for pb.Next() {
				if err := get(b.Context(), c, Unit{}); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("net/http", func(b *testing.B) {
		transport := &http.Transport{MaxIdleConnsPerHost: 100}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				a, err := client.Get(url)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, a.Body)
				_ = a.Body.Close()
			}
		})
	})
}
