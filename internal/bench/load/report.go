package load

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// Report is everything that one run of the load found.
type Report struct {
	Made        time.Time `json:"made"`
	Machine     string    `json:"machine"`
	Release     string    `json:"release"`
	Connections int       `json:"connections"`
	Seconds     int       `json:"seconds"`
	Rounds      int       `json:"rounds"`
	Parts       []Sample  `json:"parts,omitempty"`
	Targets     []verdict `json:"targets,omitempty"`
	Visible     []Seen    `json:"visible"`
	Highest     *ceiling  `json:"highest,omitempty"`
}

func (p *Plan) newReport() *Report {
	return &Report{
		Made: time.Now().UTC().Truncate(time.Second), Machine: machine(), Release: p.Release,
		Connections: p.Connections, Seconds: int(p.Length.Seconds()), Rounds: p.Rounds,
	}
}

// Missed is how many of the targets were measured and missed.
func (r *Report) Missed() (missed int) {
	for _, v := range r.Targets {
		if v.Met != nil && !*v.Met {
			missed++
		}
	}
	return missed
}

// machine says what the figures were measured on.
func machine() string {
	name := runtime.GOOS + "/" + runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, model, found := strings.Cut(string(text), "model name"); found {
			model, _, _ = strings.Cut(strings.TrimLeft(model, "\t :"), "\n")
			name = model
		}
	}
	return fmt.Sprintf("%d cores, %s, %s", runtime.NumCPU(), name, runtime.Version())
}

// Encode writes the report as JSON.
func (r *Report) Encode(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // limits are written with < and >
	return encoder.Encode(r)
}

// Print writes the report for a terminal.
func (r *Report) Print(out io.Writer) error {
	fmt.Fprintf(out, "%s\n%d connections, %d rounds of %d s each, medians\n\n", r.Machine, r.Connections, r.Rounds, r.Seconds)
	if len(r.Parts) > 0 {
		if err := printParts(out, r.Parts); err != nil {
			return err
		}
		fmt.Fprintln(out)
		last := r.Parts[len(r.Parts)-1]
		if err := plot(out, last.Name, last.latency); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, "From when a command was due until it was answered, and until what it did could be read")
	if err := printVisible(out, r.Visible); err != nil {
		return err
	}
	if r.Highest != nil {
		fmt.Fprintln(out)
		if err := printCeiling(out, *r.Highest); err != nil {
			return err
		}
	}
	if len(r.Targets) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	return printVerdicts(out, r.Targets)
}
