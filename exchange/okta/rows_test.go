package okta_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/okta"
	"github.com/cioidc/cioidc/internal/cause"
)

// row is one of Okta's rows of the table of causes.
type row struct {
	fail    func(*testing.T) error
	causes  []string
	certain bool // the first
	action  string
}

// refused is the error of a client whose assertion Okta answers like this.
func refused(status int, code, text string) func(*testing.T) error {
	return func(t *testing.T) error {
		access, err := okta.New(config(&endpoint{answer: refusing(status, code, text)}, &localSigner{}))
		require.NoError(t, err)
		_, err = access.Token(t.Context())
		return err
	}
}

// workload is the error of a job whose sft command ends like this, with what it
// prints for people.
func workload(run func(*testing.T) error) func(*testing.T) error {
	return func(t *testing.T) error {
		cfg := workloadConfig(ciToken(t, workloadAudience))
		cfg.Run = func(context.Context, []string, ...string) ([]byte, error) { return nil, run(t) }
		w, err := okta.NewWorkload(cfg)
		require.NoError(t, err)
		_, err = w.Token(t.Context())
		return err
	}
}

func exits(words string) func(*testing.T) error {
	return func(t *testing.T) error {
		_, err := exec.Command("sh", "-c", "exit 1").Output()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		exit.Stderr = []byte(words)
		return exit
	}
}

var rows = map[string]row{
	"O1": {
		fail: func(t *testing.T) error {
			raw := ciToken(t, "https://acme.okta.com")
			signer := signerFunc(func(context.Context, []byte) (string, error) { return raw, nil })
			access, err := okta.New(config(&endpoint{}, signer))
			require.NoError(t, err)
			_, err = access.Token(t.Context())
			return err
		},
		causes: []string{"okta-foreign-token"}, certain: true, action: "a key of the cloud that the job reaches by its CI token",
	},
	"O1, not a token of another": {
		fail: func(t *testing.T) error {
			access, err := okta.New(config(&endpoint{}, signerFunc(func(context.Context, []byte) (string, error) { return "", errors.New("no key") })))
			require.NoError(t, err)
			_, err = access.Token(t.Context())
			return err
		},
	},
	"O2":                    {fail: workload(exits("error: unauthorized")), causes: []string{"okta-workload", "okta-workload-claims"}, action: "activate the connection"},
	"O2, nothing is said":   {fail: workload(exits("")), causes: []string{"okta-workload", "okta-workload-claims"}, action: "activate the connection"},
	"O2, no command":        {fail: workload(func(*testing.T) error { return exec.ErrNotFound }), causes: []string{"okta-no-sft"}, certain: true, action: "install the Okta Privileged Access client"},
	"O2, it never ran":      {fail: workload(func(*testing.T) error { return errors.New("fork: out of memory") })},
	"O3":                    {fail: refused(401, "invalid_client", "The client_assertion JWT kid is invalid."), causes: []string{"okta-key-id"}, action: "register the public key"},
	"O3, the clock is fast": {fail: refused(401, "invalid_client", "The client_assertion token has an expiration too far into the future."), causes: []string{"okta-clock"}, action: "and let assertions live for minutes"},
	"O3, unknown words":     {fail: refused(401, "invalid_client", "No."), causes: []string{"oauth-client"}, action: "compare ClientID"},
	"O4":                    {fail: refused(400, "invalid_dpop_proof", "The DPoP proof JWT header is missing."), causes: []string{"okta-dpop"}, certain: true, action: "turn off"},
	"O4, a rule":            {fail: refused(400, "access_denied", "Policy evaluation failed for this request."), causes: []string{"okta-policy"}, action: "add a rule for the client"},
	"O4, unknown words":     {fail: refused(400, "access_denied", "No."), causes: nil},
}

func TestRows(t *testing.T) {
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			var failed *exchange.Error
			require.ErrorAs(t, r.fail(t), &failed)
			var got []string
			for _, c := range failed.Causes {
				got = append(got, c.ID)
			}
			require.Equal(t, r.causes, got)
			if len(got) == 0 {
				return
			}
			assert.Equal(t, r.certain, failed.Causes[0].Certain)
			assert.Contains(t, failed.Causes[0].Action, r.action)
			if len(got) > 1 {
				assert.ErrorContains(t, failed, "cannot tell which of")
			}
		})
	}
}

func TestEveryRowIsTested(t *testing.T) {
	for _, r := range cause.Rows() {
		if r.Service == cause.Okta {
			assert.Contains(t, rows, r.ID)
		}
	}
	var tested []string
	for _, r := range rows {
		tested = append(tested, r.causes...)
	}
	for _, id := range []string{"okta-foreign-token", "okta-workload", "okta-workload-claims", "okta-no-sft"} {
		assert.True(t, slices.Contains(tested, id), id)
	}
}
