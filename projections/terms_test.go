package projections

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// finds tells whether a search finds a text.
func finds(search string, texts ...string) bool {
	terms := SearchTerms(search)
	has := Terms(texts...)
	return len(terms) > 0 && !slices.ContainsFunc(terms, func(term string) bool { return !slices.Contains(has, term) })
}

func TestWhatIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		search, text string
		want         bool
	}{
		{"graph", "Graph traversal", true},
		{"TRAVERSAL graph", "Graph traversal", true},
		{"graphs", "Graph traversal", false},
		{"gra", "Graph traversal", false},
		{"图", "图的遍历", true},
		{"遍历", "图的遍历", true},
		{"的遍历", "图的遍历", true},
		{"历遍", "图的遍历", false},
		{"图论", "图的遍历", false},
		{"学习Go语言", "一起学习 Go 语言吧", true},
		{"go", "一起学习Go语言", true},
		{"ＧＯ　语言", "Go语言", true},
		{"Ｃ＋＋", "Learn c++ now", true},
		{"c", "Learn C++ now", true},
		{"C#", "Learn C++ now", false},
		{"c#", "C#、入门", true},
		{"a b", "a+b", true},
		{"straße", "STRASSE", true},
		{"cafe\u0301", "CAFÉ", true},
		{"ﬁnal", "final", true},
		{"dont", "Don’t panic", true},
		{"don't", "DON'T", true},
		{"データ", "ﾃﾞｰﾀ構造", true},
		{"한국", "한국어", true},
		{"２０２６", "Class of 2026", true},
		{"第1章", "第１章：引言", true},
		{"!?，。", "what!?，。", false},
		{"❤️", "数学 ❤️", false}, // a sign, as without its selector
		{"数学 ❤️", "数学 ❤", true},
		{"葛飾", "葛\U000E0100飾区", true},
		{"葛\U000E0100飾", "葛飾区", true},
		{"cooperate", "co\u00adoperate", true},
		{"co\u200boperate", "cooperate", true},
		{"नमस्ते", "नमस्\u200dते", true},
		{"", "", false},
	} {
		require.Equal(t, c.want, finds(c.search, c.text), "%q in %q: %q, %q", c.search, c.text, SearchTerms(c.search), Terms(c.text))
	}
	require.True(t, finds("遍历 graph", "Graph theory", "遍历"), "over title and description")
}

// anyText draws texts of scripts that meet, and of everything else.
func anyText(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOf(rapid.RuneFrom([]rune("aBßé图论的ー데ｱﾞ１ ，+#'’.\u0301\u00ad\u200d\u3164\ufe0f\U000E0100"))),
		rapid.StringOf(rapid.RuneFrom(nil, unicode.Han, unicode.Latin, unicode.Mn, unicode.P)),
	).Draw(t, label)
}

// TestTerms: a text is found by itself and by any of its whole words, whatever
// its form and what stands in it that shows nothing; terms are clean, and telling
// them apart is stable.
func TestTerms(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, other := anyText(t, "text"), anyText(t, "other")
		terms := Terms(text)
		require.True(t, slices.IsSorted(terms))
		for _, term := range terms {
			require.NotEmpty(t, term)
			require.Equal(t, []string{term}, strings.FieldsFunc(term, unicode.IsSpace), "no space in a term: %q", term)
			require.LessOrEqual(t, len([]rune(term)), 2*longestTerm)
		}
		require.Equal(t, terms, slices.Compact(slices.Clone(terms)))
		for _, form := range []norm.Form{norm.NFC, norm.NFD, norm.NFKC} {
			require.Equal(t, terms, Terms(form.String(text)), "%s", form)
		}
		unseen := rapid.SampledFrom([]string{"\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufe0f", "\U000E01EF"}).Draw(t, "unseen")
		require.Equal(t, terms, Terms(strings.Join(strings.Split(text, ""), unseen)))
		if len(SearchTerms(text)) > 0 {
			require.True(t, finds(text, text), "%q", text)
			require.True(t, finds(text, other+" , "+text+" , "+other), "among others")
			require.True(t, finds(text, other, text), "in another field")
		}
		for _, term := range terms {
			require.True(t, finds(term, text), "%q in %q", term, text)
		}
	})
}

// What is folded without tables is folded as by them.
func TestASCIIIsFoldedAsAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom(nil, &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0, Hi: unicode.MaxASCII, Stride: 1}}})).Draw(t, "text")
		if got, want := folded(text), foldedByTables(text); got != want {
			t.Fatalf("%q, not %q", got, want)
		}
	})
}

func BenchmarkTerms(b *testing.B) {
	for _, text := range []string{
		"Graph traversal: breadth first, depth first, and what they are good for (an introduction)",
		"图的遍历：广度优先、深度优先，以及它们的用途",
	} {
		b.Run(text[:5], func(b *testing.B) {
			for b.Loop() {
				Terms(text)
			}
		})
	}
}
