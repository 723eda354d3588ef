package command

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLettersOfANameBelongTogether(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"ana":          true,
		"zoë-1.x_y":    true,
		"аня":          true, // Cyrillic
		"аnа":          false,
		"anа":          false,
		"ana.аня":      false,
		"ελένη":        true,
		"αlice":        false,
		"张三":           true,
		"张三-zhang":     true,
		"さくら":          true,
		"田中さくらサクラー":    true,
		"김철수":          true,
		"金철수kim":       true,
		"さくら김":         false,
		"张а":           false,
		"אבי":          true,
		"अनिता१":       true,
		"ᏣᎳᎩ":          true,
		"Ꭺna":          false, // Cherokee
		"e\u0301le":    true,
		"42":           true,
		"ａｎａ":          true, // Latin still, should anyone forget NFKC
		"аna\u0301":    false,
		"\u0430\u0301": true,
	} {
		assert.Equal(t, want, oneWriting(name), "%q", name)
	}
	for name, want := range map[string]string{"ana": "", "аnа": "mixed_scripts"} {
		err := username("/username", name)
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		refusal, ok := err.(*Refusal)
		assert.True(t, ok)
		assert.Equal(t, want, refusal.Code)
	}
}
