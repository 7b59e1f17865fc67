package fakejob

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// Caller is for services that verify tokens: a GitLab with one project, in this
// process. It returns the client that reaches GitLab and nothing else, the
// project's ID, and call, which serves the service on loopback and calls it with
// tokens of two of the project's jobs: on the protected branch main, and on
// another. What each was answered goes to out.
func Caller(out io.Writer, audience string) (gitlab *http.Client, projectID string, call func(service http.Handler) error) {
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: GitLabURL})
	if err != nil {
		return nil, "", func(http.Handler) error { return err }
	}
	return fakeissuer.Client(issuer), fakeissuer.GitLabProjectID, func(service http.Handler) error {
		urls, stop, err := Serve(service)
		if err != nil {
			return err
		}
		defer stop()
		for _, job := range []struct{ name, token string }{
			{"main", issuer.GitLab(audience)},
			{"another branch", issuer.GitLab(audience, fakeissuer.Branch("another"))},
		} {
			answer, err := callAs(job.token, urls[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "a job on %s got: %s", job.name, answer)
		}
		return nil
	}
}

// callAs returns the status and the body of the answer to one request.
func callAs(token, url string) (string, error) {
	r, err := http.NewRequest(http.MethodPost, url, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	return fmt.Sprintf("%d %s", answer.StatusCode, body), err
}
