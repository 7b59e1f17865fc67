package replay_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/replay"
)

// A service whose tokens let one request pass.
func Example() {
	used, err := replay.New(replay.Config{MaxTokens: 100_000})
	if err != nil {
		panic(err)
	}
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:   []oidc.Issuer{oidc.CircleCI("2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01")},
		Audiences: []string{"https://deploy.acme.example"},
		Replay:    used,
	})
	if err != nil {
		panic(err)
	}
	_ = oidc.Middleware(verifier, nil)
}

func ExampleStore_Use() {
	used, err := replay.New(replay.Config{MaxTokens: 1})
	if err != nil {
		panic(err)
	}
	ctx, expires := context.Background(), time.Now().Add(time.Hour)
	fmt.Println(used.Use(ctx, "a", expires))
	fmt.Println(errors.Is(used.Use(ctx, "a", expires), oidc.ErrReplayed))
	fmt.Println(errors.Is(used.Use(ctx, "b", expires), replay.ErrFull))
	// Output:
	// <nil>
	// true
	// true
}
