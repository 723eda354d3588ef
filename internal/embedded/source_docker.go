package embedded

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	dockerImage  = "postgres:18"
	dockerFolder = "pg18-docker"
)

// docker is a server in a container. The docker client stands for the server here:
// it runs in the foreground, hands our signals on and ends with the container.
type docker struct {
	patience time.Duration // how long the engine may take to answer
}

func (docker) String() string { return "Docker" }

func (d docker) find(ctx context.Context, want string) (server, error) {
	if want != "" && want != dockerFolder {
		return nil, errors.New("it would run PostgreSQL 18 on a folder of its own")
	}
	program, err := exec.LookPath("docker")
	if err != nil {
		return nil, errors.New("docker is not on PATH")
	}
	// The client is often there without an engine, and may wait long for one.
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "info")
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("docker info: %w: %s", err, lastLines(out))
	}
	return &container{program}, nil
}

type container struct{ docker string }

func (c *container) String() string { return "PostgreSQL 18 (Docker, " + dockerImage + ")" }

func (c *container) folder() string { return dockerFolder }

func (c *container) prepare(ctx context.Context, o Options) (*launch, error) {
	data := filepath.Join(o.DataDir, c.folder())
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(o.DataDir, "postgres.password")
	secret, err := password(file)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(o.DataDir))
	name := fmt.Sprintf("sical-%x", sum[:8])
	// A client that was killed leaves its container; it is ours, for we hold the folder.
	_ = exec.CommandContext(ctx, c.docker, "rm", "--force", name).Run()

	args := []string{
		"run", "--rm", "--name", name, "--shm-size", "256m",
		"--publish", fmt.Sprintf("127.0.0.1:%d:5432", port),
		"--volume", data + ":/var/lib/postgresql/18/docker",
		"--env", "POSTGRES_USER=" + superuser, "--env", "POSTGRES_DB=postgres", "--env", "POSTGRES_PASSWORD",
		"--env", "POSTGRES_INITDB_ARGS=--encoding=UTF8 --locale=C",
	}
	if uid := os.Geteuid(); uid != 0 {
		args = append(args, "--user", fmt.Sprintf("%d:%d", uid, os.Getegid())) // the files stay the user's
	}
	args = append(args, dockerImage)
	if exec.CommandContext(ctx, c.docker, "image", "inspect", dockerImage).Run() != nil {
		o.Logger.Info("fetching PostgreSQL 18, which may take minutes", "from", "Docker's "+dockerImage)
	}
	cmd := exec.Command(c.docker, append(args, arguments(defaults, o.Settings)...)...)
	cmd.SysProcAttr = ownProcess(nil)
	cmd.Env = append(os.Environ(), "POSTGRES_PASSWORD="+secret) // not among the arguments, where ps shows it
	return &launch{cmd: cmd, host: "127.0.0.1", port: port, password: secret, passwordFile: file}, nil
}

// freePort is one that nobody uses, below those that the system hands out by itself: one
// of these would now and then be somebody's by the time the container takes it. They begin
// where those that testkit lends to tests end.
func freePort() (port int, err error) {
	for range 100 {
		port = 25000 + rand.IntN(5000)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}
