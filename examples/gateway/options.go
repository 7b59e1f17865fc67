package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	listen, admin    string
	upstream         string
	audiences        list
	gitlab, circleci list
	policy           string
	replay           int
	redis            string
	replayFailOpen   bool
	passToken, users bool
	cert, key        string
	plainHTTP        bool
	timeout, drain   time.Duration
	maxBody          int64
	debugHeap        bool
	fake             bool

	target *url.URL // of upstream
}

// list is a flag that can be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// parse reads the command line. What is wrong with a flag, or help, goes to out.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("gateway", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "the `address` to serve jobs at")
	f.StringVar(&o.admin, "admin", "127.0.0.1:9090", "the `address` of the health and metrics endpoints")
	f.StringVar(&o.upstream, "upstream", "", "the `URL` of the service")
	f.Var(&o.audiences, "audience", "an accepted `audience` of tokens; can be repeated")
	f.Var(&o.gitlab, "gitlab", "the `URL` of a GitLab whose tokens are accepted; can be repeated")
	f.Var(&o.circleci, "circleci", "the `UUID` of a CircleCI organization whose tokens are accepted; can be repeated")
	f.StringVar(&o.policy, "policy", "", "the policy `file`; it is read anew when it changes")
	f.IntVar(&o.replay, "replay", 100_000, "how many used tokens to remember, so that each lets one `request` pass; 0 lets a token be used until it expires")
	f.StringVar(&o.redis, "redis", "", "remember used tokens in the Redis at this `address`, for several gateways")
	f.BoolVar(&o.replayFailOpen, "replay-fail-open", false, "accept tokens while it cannot be told whether they were used")
	f.BoolVar(&o.passToken, "pass-token", false, "pass the Authorization header on to the service")
	f.BoolVar(&o.users, "audit-users", false, "write users' login names and email addresses to the audit log")
	f.StringVar(&o.cert, "tls-cert", "", "serve jobs over TLS, with the certificate in this `file`")
	f.StringVar(&o.key, "tls-key", "", "the certificate's key `file`")
	f.BoolVar(&o.plainHTTP, "plain-http", false, "serve jobs at an address that is not loopback without TLS; something in front must have it")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long a request may take, answer included")
	f.DurationVar(&o.drain, "drain", 0, "how long to go on serving after a signal, for load balancers to see /readyz")
	f.Int64Var(&o.maxBody, "max-body", 32<<20, "how many `bytes` the body of a request may have")
	f.BoolVar(&o.debugHeap, "debug-heap", false, "have /debug/heap at the admin address, which collects garbage and tells the heap's size")
	f.BoolVar(&o.fake, "fake", false, "try it: start an issuer and a service in this process, and a policy in a temporary file")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("there are only flags, and %q is none", f.Arg(0))
	}
	if o.fake {
		return o, o.checkServing()
	}
	return o, errors.Join(o.checkTrust(), o.checkServing())
}

// checkTrust checks what says who is let through, and to where.
func (o *options) checkTrust() error {
	var err error
	if o.target, err = url.Parse(o.upstream); err != nil || o.target.Host == "" || o.target.Scheme != "http" && o.target.Scheme != "https" {
		return errors.New("--upstream wants the URL of the service, such as http://127.0.0.1:3000")
	}
	switch {
	case len(o.gitlab)+len(o.circleci) == 0:
		return errors.New("--gitlab or --circleci is required: whose tokens are accepted")
	case len(o.audiences) == 0:
		return errors.New("--audience is required: whom tokens must be for, such as the URL of this gateway")
	case o.policy == "":
		return errors.New("--policy is required: on a public issuer, without one, everybody would be let through")
	}
	return nil
}

func (o *options) checkServing() error {
	switch {
	case (o.cert == "") != (o.key == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case o.cert == "" && !o.plainHTTP && !loopback(o.listen):
		return errors.New("--listen: over plain http anyone on the way can read the tokens; set --tls-cert and --tls-key, or --plain-http if something in front has TLS")
	case o.replay < 0:
		return errors.New("--replay is negative; 0 lets a token be used until it expires")
	case o.replay == 0 && (o.redis != "" || o.replayFailOpen):
		return errors.New("--replay 0 remembers nothing: it does not go with --redis or --replay-fail-open")
	case o.timeout <= 0 || o.drain < 0:
		return errors.New("--timeout wants to be more than zero, and --drain not negative")
	case o.maxBody <= 0:
		return errors.New("--max-body wants to be more than zero")
	}
	return nil
}

// loopback reports whether address is this machine's own.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// cachedTokens is how many tokens are remembered as verified: none where each
// comes once.
func (o *options) cachedTokens() int {
	if o.replay > 0 {
		return 0
	}
	return 1024
}
