package projections

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"sical-backend/events"
)

// longestTerm bounds a term in runes: what is longer is cut, in texts and in what
// is searched for alike.
const longestTerm = 40

// Terms are what a text can be found by, each once and in order: its words, and of
// scripts that put no spaces between words every character and every pair of
// neighbours. Width, case, composition and what shows nothing make no difference (NFKC,
// folded, without ignorables): changing that is a new version of the views with words.
func Terms(texts ...string) []string {
	var t tokens
	for _, text := range texts {
		t.read(text, true)
	}
	return t.sorted()
}

// SearchTerms are the terms that a text must all have to be found by a search:
// those that Terms would give, but for the single characters of pairs. None where
// there is nothing to search for.
func SearchTerms(search string) []string {
	var t tokens
	t.read(search, false)
	return t.sorted()
}

// tokens collects terms.
type tokens struct{ terms []string }

func (t *tokens) sorted() []string {
	slices.Sort(t.terms)
	return slices.Compact(t.terms)
}

// script is how a rune takes part in terms.
type script int

const (
	none   script = iota // between terms
	spaced               // of words with spaces between them
	dense                // of words without
	signs                // that may end a word, as in C++ and C#
	within               // not written, as in don't
)

func scriptOf(r rune) script {
	if r < unicode.MaxASCII { // most runes there are, of which the tables take their time
		return ascii[r]
	}
	return tabled(r)
}

// ascii is what tabled tells of those.
var ascii = func() (scripts [unicode.MaxASCII]script) {
	for r := range scripts {
		scripts[r] = tabled(rune(r))
	}
	return scripts
}()

func tabled(r rune) script {
	switch {
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo) || r == 'ー':
		return dense
	case unicode.In(r, unicode.L, unicode.N, unicode.M):
		return spaced
	case r == '+' || r == '#':
		return signs
	case r == '\'' || r == '’':
		return within
	}
	return none
}

// folded is a text without the differences that no search makes.
func folded(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return strings.ToLower(text) // which is all of it then
	}
	return foldedByTables(text)
}

func foldedByTables(text string) string {
	text = strings.Map(func(r rune) rune {
		if events.Ignorable(r) {
			return -1
		}
		return r
	}, text)
	// Folding leaves a few letters, such as Cherokee ones, in either case.
	return norm.NFKC.String(strings.ToLower(cases.Fold().String(norm.NFKC.String(text))))
}

// read takes a text apart; singles says whether the single characters of dense
// runs are terms beside their pairs.
func (t *tokens) read(text string, singles bool) {
	text = folded(text)
	var run []rune
	kind := none
	end := func(ending string) {
		switch kind {
		case spaced:
			t.word(run, ending)
		case dense:
			t.pairs(run, singles)
		}
		run, kind = run[:0], none
	}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		is := scriptOf(runes[i])
		switch {
		case is == within && kind == spaced:
		case is == signs && kind == spaced:
			from := i
			for i+1 < len(runes) && scriptOf(runes[i+1]) == signs {
				i++
			}
			ending := ""
			if i+1 == len(runes) || scriptOf(runes[i+1]) != spaced { // else it is a sum: a+b
				ending = string(runes[from : i+1])
			}
			end(ending)
		case is == spaced || is == dense:
			if is != kind {
				end("")
			}
			run, kind = append(run, runes[i]), is
		default:
			end("")
		}
	}
	end("")
}

func (t *tokens) word(run []rune, ending string) {
	run = []rune(norm.NFKC.String(string(run))) // again, without what stood within
	word := string(run[:min(len(run), longestTerm)])
	t.terms = append(t.terms, word)
	if ending != "" {
		t.terms = append(t.terms, word+ending[:min(len(ending), longestTerm)])
	}
}

func (t *tokens) pairs(run []rune, singles bool) {
	for i := range run {
		if singles || len(run) == 1 {
			t.terms = append(t.terms, string(run[i]))
		}
		if i > 0 {
			t.terms = append(t.terms, string(run[i-1:i+1]))
		}
	}
}

// words are the terms as the column stores them, which the index takes apart
// again: a list of lists could not be written as one parameter.
func words(texts ...string) string { return strings.Join(Terms(texts...), " ") }

// WordsIndexed is the array of terms in a table with words, as its index has it.
const WordsIndexed = "string_to_array(words, ' ')"
