package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A goroutine that goes on drawing is a leak, which fails TestMain.
func TestNothingDrawsABarButWhatItIsTold(t *testing.T) {
	t.Parallel()
	bar := progress("compared", -1)
	require.NoError(t, bar.Set64(1))
	bar.ChangeMax64(10)
	require.NoError(t, bar.Set64(5))
}
