package leak

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

// Long enough for goleak itself to give up on it.
func TestWhatEndsLateIsNotLeft(t *testing.T) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		time.Sleep(2 * time.Second) // the late end itself
	}()
	require.NoError(t, Find())
	select {
	case <-ended:
	default:
		t.Fatal("it goes on, and was not seen")
	}
}
