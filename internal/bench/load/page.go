package load

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed report.html
var reportPage string

// Save writes the report to a file: as a page with charts where its name ends in
// .html, else as JSON.
func (r *Report) Save(name string) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	if filepath.Ext(name) != ".html" {
		return r.Encode(file)
	}
	return r.page(file)
}

// page writes the report as a page that needs nothing else.
func (r *Report) page(out io.Writer) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"curve": curve, "climbed": climbed, "height": height, "axis": axis, "thousands": thousands,
		"percent": func(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) },
		"word":    verdict.word,
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	return page.Execute(out, r)
}

// The charts' size, and how many powers of ten of latency they show, from 0.1 ms.
const (
	chartWidth, chartHeight = 560., 200.
	chartDecades            = 5.
)

// height is where a latency in milliseconds stands in a chart, from its top.
func height(milliseconds float64) float64 {
	return math.Round(chartHeight * (1 - min(decades(milliseconds/1000)/chartDecades, 1)))
}

// mark is a line of a chart's grid.
type mark struct {
	Y     float64
	Label string
}

func axis() (marks []mark) {
	for _, milliseconds := range []float64{.1, 1, 10, 100, 1000, 10_000} {
		marks = append(marks, mark{height(milliseconds), fmt.Sprintf("%g ms", milliseconds)})
	}
	return marks
}

// curve is the latency of a sample by quantile, as the points of a polyline. Each
// quarter of the width is a tail ten times smaller, as in HdrHistogram's plots.
func curve(s Sample) string {
	if s.latency == nil {
		return ""
	}
	var b strings.Builder
	for x := 0.; x <= 4; x += .05 {
		quantile := s.latency.Quantile(1 - math.Pow(10, -x))
		fmt.Fprintf(&b, "%.1f,%.1f ", chartWidth*x/4, height(ms(quantile)))
	}
	return b.String()
}

// climbed is the 95th percentile by rate, as the points of a polyline.
func climbed(c *ceiling) string {
	tried := slices.SortedFunc(slices.Values(c.Tried), func(a, b rung) int { return a.Rate - b.Rate })
	var b strings.Builder
	for _, r := range tried {
		fmt.Fprintf(&b, "%.1f,%.1f ", chartWidth*float64(r.Rate)/float64(c.Most()), height(r.Found.P95))
	}
	return b.String()
}
