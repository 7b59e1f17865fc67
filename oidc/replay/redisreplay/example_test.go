package redisreplay_test

import (
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/replay/redisreplay"
)

// A service of several processes, whose tokens let one request pass.
func Example() {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:                 []string{"redis.acme.example:6379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	used, err := redisreplay.New(redisreplay.Config{Client: client, Prefix: "deploy:used:"})
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

// A client that would not keep the time limit is refused.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "redis.acme.example:6379"})
	defer client.Close()
	_, err := redisreplay.New(redisreplay.Config{Client: client})
	fmt.Println(err)
	// Output:
	// redisreplay: the client is nil or does not keep deadlines; set ContextTimeoutEnabled in its options
}
