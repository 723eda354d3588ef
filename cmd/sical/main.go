// Command sical is the whole system in one binary: every role in one process
// (serve), one role each (command, query, projector), and the tools of its
// operators.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	// kong: flags, environment variables and help from one struct; MIT, kept.
	"github.com/alecthomas/kong"

	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
)

// Exit statuses, beside those of an interruption.
const (
	failed = 1
	misuse = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments.
func run(args []string, stdout, stderr io.Writer) int {
	var cli CLI
	exit := -1
	parser, err := kong.New(&cli, kong.Name("sical"),
		kong.Description("An event-driven backend for learning plans: commands in, one log, views out."),
		kong.UsageOnError(), kong.Writers(stdout, stderr), kong.DefaultEnvars("SICAL"),
		kong.Vars{"data_dir": defaultDataDir(), "version": version()},
		kong.Exit(func(status int) { exit = status; panic(errExit) }),
	)
	var unread faults
	if err == nil {
		unread, err = lenient(parser)
	}
	if err != nil {
		fmt.Fprintln(stderr, "sical:", err)
		return failed
	}
	parsed, status := parse(parser, unread, args, stderr, &exit)
	if parsed == nil {
		return status
	}
	ctx, stop := interruptible()
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	logger := telemetry.NewLogger(stderr, cli.LogLevel, cli.LogFormat)
	if err := errors.Join(unread.err(), cli.settle()); err != nil {
		return misused(stderr, err)
	}
	cli.limit(logger)
	a := newApp(cli.Config, logger)
	defer a.Close()
	parsed.Bind(a, &output{stdout})
	err = parsed.Run()
	ended := context.Cause(ctx) // before closing: what has failed may be told to end while it does
	a.Close()
	if wrong, ok := errors.AsType[usageError](err); ok {
		return misused(stderr, wrong)
	}
	if cut, ok := errors.AsType[interruption](ended); ok && err != nil {
		fmt.Fprintln(stderr, "sical:", cut.during(err))
		return cut.status()
	}
	if err != nil {
		if postgres.Full(err) {
			err = fmt.Errorf("the disk of the database is full: make room first: %w", err)
		}
		fmt.Fprintln(stderr, "sical:", err)
		return failed
	}
	return 0
}

// usageError is wrong usage that only a command itself finds, with settings that were
// read from files. What the arguments alone tell belongs into a command's Validate.
type usageError struct{ error }

var errExit = errors.New("exit")

// parse reads the arguments; --help ends it through the panic that Exit raised.
func parse(parser *kong.Kong, unread faults, args []string, stderr io.Writer, exit *int) (parsed *kong.Context, status int) {
	defer func() {
		if r := recover(); r != nil {
			if r != errExit {
				panic(r)
			}
			parsed, status = nil, *exit
		}
	}()
	parsed, err := parser.Parse(args)
	if err != nil {
		return nil, misused(stderr, errors.Join(unread.err(), err))
	}
	return parsed, 0
}

// misused tells what is wrong with the arguments, a line each.
func misused(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "sical: "+strings.ReplaceAll(err.Error(), "\n", "\nsical: "))
	return misuse
}

// output is where results go.
type output struct{ io.Writer }
