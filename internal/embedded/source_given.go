package embedded

import "context"

// givenFolder is a folder of server programs the user named.
type givenFolder struct{ dir string }

func (g givenFolder) String() string { return "the given folder " + g.dir }

func (g givenFolder) find(ctx context.Context, want string) (server, error) {
	found, err := probe(ctx, g.dir, want)
	if err != nil {
		return nil, err
	}
	found.origin = "given folder"
	return found, nil
}
