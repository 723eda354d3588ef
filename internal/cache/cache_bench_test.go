package cache

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

// BenchmarkHit answers from memory, over 10,000 keys on which the answers
// depend in two ways each; beside it ristretto's bare Get.
func BenchmarkHit(b *testing.B) {
	f := newFloored(b)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	questions := make([]Question, 10_000)
	for i := range questions {
		name := rowName(i)
		questions[i] = Question{
			Key: name, Views: []string{"v"}, Deps: func() []string { return []string{name, "v/group"} },
			Load: func(context.Context) (Answer, error) {
				return Answer{Body: make([]byte, 16), Checkpoints: stood(10)}, nil
			},
		}
		_, err := f.c.Do(b.Context(), questions[i])
		require.NoError(b, err)
		f.c.store.Wait()
	}
	b.Run("floors", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = f.c.Do(b.Context(), questions[i%len(questions)])
		}
	})
	b.Run("ristretto", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = f.c.store.Get(questions[i%len(questions)].Key)
		}
	})
}
