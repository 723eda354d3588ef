package web

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestETagServesBothConditions(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"7.`+strconv.FormatUint(0x44bc2cf5ad770999, 36)+`"`, ETag(7, []byte("abc")), "the same in every process")
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.Uint64().Draw(t, "version")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		tag := ETag(version, body)
		require.Equal(t, tag, ETag(version, body))
		require.NotEqual(t, tag, ETag(version, append(body, 'x')))
		for _, sent := range []string{tag, codedTag(tag, codingGzip), codedTag(tag, codingZstd)} {
			require.True(t, NotModified([]string{`"other", ` + sent}, tag))
			got, any, present, err := ParseIfMatch([]string{sent})
			require.NoError(t, err)
			require.True(t, present && !any)
			require.Equal(t, version, got)
		}
		require.False(t, NotModified([]string{ETag(version+1, body)}, tag))
	})
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	const tag = `"7.abc"`
	for _, header := range [][]string{{tag}, {"*"}, {` W/"7.abc" `}, {`"a","7.abc"`}, {`"a"`, tag}, {`"a" , W/"b" ,, "7.abc-gzip"`}, {`"a,b", "7.abc"`}} {
		require.True(t, NotModified(header, tag), header)
	}
	for _, header := range [][]string{nil, {""}, {"7.abc"}, {`"7.ab"`}, {`"7.abc`}, {`"7.abcd"`}, {`w/"7.abc"`}, {`"7.abc-br"`}, {`"a" "7.abc"`}, {`x, "7.abc"`}, {`"*"`}} {
		require.False(t, NotModified(header, tag), header)
	}
}

func TestParseIfMatch(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]uint64{
		`"7"`: 7, `"7.abc"`: 7, ` "7.abc" `: 7, `"7.abc-gzip"`: 7, `"7.a", "7.b"`: 7, `"x", "7"`: 7, `W/"9", "7"`: 7, `"0"`: 0,
		`"18446744073709551615"`: 18446744073709551615,
	} {
		version, any, present, err := ParseIfMatch([]string{header})
		require.NoError(t, err, header)
		require.True(t, present && !any, header)
		require.Equal(t, want, version, header)
	}
	for header, want := range map[string]Code{
		`W/"7.abc"`: VersionMismatch, `"abc"`: VersionMismatch, `"07"`: VersionMismatch, `"+7"`: VersionMismatch, `"-7"`: VersionMismatch,
		`"18446744073709551616"`: VersionMismatch, `""`: VersionMismatch, ``: VersionMismatch,
		`7`: InvalidHeader, `"7`: InvalidHeader, `"7" "8"`: InvalidHeader, `"7", "8"`: InvalidHeader, `"7", *`: InvalidHeader, `w/"7"`: InvalidHeader,
	} {
		_, _, present, err := ParseIfMatch([]string{header})
		require.True(t, present, header)
		require.Equal(t, want, problemFrom(t, err).Code, header)
	}
	_, any, present, err := ParseIfMatch([]string{"*"})
	require.True(t, any && present)
	require.NoError(t, err)
	_, _, present, err = ParseIfMatch(nil)
	require.False(t, present)
	require.NoError(t, err)
}
