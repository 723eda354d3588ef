package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"sical-backend/events"
	"sical-backend/internal/demo"
)

// Demo loads the demo data.
type Demo struct{}

// Run loads it into the running instance, or into the data folder where none runs.
func (*Demo) Run(ctx context.Context, a *App, out *output) error {
	i, err := startImport(ctx, a, out)
	if err != nil {
		return err
	}
	if err := i.demo(ctx); err != nil {
		return err
	}
	if err := i.finish(ctx); err != nil {
		return err
	}
	a.tryDemo(out)
	return nil
}

// loadDemo loads it into the instance that this process is.
func loadDemo(ctx context.Context, a *App, out *output) error {
	d, err := a.startDecider(ctx)
	if err != nil {
		return err
	}
	i := &importing{app: a, decider: d, out: out, begun: time.Now()}
	if err := i.demo(ctx); err != nil {
		return err
	}
	if _, err := i.catchUp(ctx); err != nil {
		return err
	}
	a.tryDemo(out)
	return nil
}

// demo carries the demo's commands out and tells what there is then.
func (i *importing) demo(ctx context.Context) error {
	refused := func(what string, err error) { fmt.Fprintf(i.out, "%s: %s\n", what, reason(err)) }
	commands := demo.Commands(time.Now(), refused)
	most, made := 0, map[events.Kind]int{}
	for item, err := range commands {
		if err != nil {
			return err
		}
		most++
		if rule := item.Request.Rule; rule.Creates || rule.Unchecked {
			made[rule.Kind]++
		}
	}
	if err := i.stage(ctx, "demo", most, commands); err != nil {
		return err
	}
	fmt.Fprintf(i.out, "The demo: %d people, %d knowledge points, %d paths, %d goals, %d assessments, %d comments, %d entries of study.\n",
		made[events.KindUser], made[events.KindPoint], made[events.KindPath], made[events.KindGoal],
		made[events.KindAssessment], made[events.KindComment], made[events.KindStudy])
	return nil
}

// tryDemo tells what to look at first, to readers of either language.
func (a *App) tryDemo(out io.Writer) {
	url := a.publicURL
	if url == "" {
		url = reach(a.Listen) // where sical serve will be
	}
	token := program() + " token --data-dir " + quote(a.DataDir)
	fmt.Fprintf(out, `
Three things to try while sical serves (nobody here has a password):
  curl -s %[1]s/v1/statistics
  curl -s "%[1]s/v1/points?category=mathematics"
  curl -s -H "Authorization: Bearer $(%[2]s --username demo-anna)" %[1]s/v1/users/me

服务运行时可以试试这三件事（这些用户都没有密码）：
  curl -s %[1]s/v1/statistics
  curl -s -G %[1]s/v1/points --data-urlencode category=历史
  curl -s -H "Authorization: Bearer $(%[2]s --username demo-王芳)" %[1]s/v1/users/me

`, url, token)
}
