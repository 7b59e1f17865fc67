package googlests_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
)

// A deploy job gets credentials for Google's clients, such as
// storage.NewClient(ctx, option.WithAuthCredentials(creds)).
func Example() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	creds, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Source:   ci,
	})
	if err != nil {
		log.Fatal(err)
	}
	// A client does this at its first call; its error holds the same.
	token, err := creds.Token(context.Background())
	var failed *exchange.Error
	if errors.As(err, &failed) {
		log.Fatalf("%+v", failed) // all likely causes, with what the token says
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid until", token.Expiry)
}

// A configuration that cannot work is refused before anything is sent.
func ExampleCredentials() {
	_, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("acme-prod", "ci", "gitlab"),
		Source:   &ciplatform.GitLab{},
	})
	fmt.Println(err)
	// Output: googlests: Provider: "acme-prod" is not a project number: use the number, not the project ID (gcloud projects describe prints it as projectNumber)
}

func ExampleProviderName() {
	fmt.Println(googlests.ProviderName("123456789012", "ci", "gitlab"))
	// Output: //iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab
}

// A command gets a credential file whose endpoint this process serves, so that
// no CI token is on disk, for as long as it runs.
func ExampleSubjectEndpoint() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	cfg := googlests.Config{Provider: googlests.ProviderName("123456789012", "ci", "gitlab"), Source: ci}
	endpoint, err := googlests.NewSubjectEndpoint(cfg)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: endpoint, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()

	dir, err := os.MkdirTemp("", "google-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := googlests.CredentialFile{Config: cfg, Endpoint: endpoint, EndpointURL: "http://" + listener.Addr().String()}
	path, err := file.Write(context.Background(), dir)
	if err != nil {
		log.Print(err)
		return
	}
	command := exec.Command("gcloud", "storage", "cp", "app.txt", "gs://releases/")
	command.Env = append(os.Environ(), file.Environ(path)...)
	if err := command.Run(); err != nil {
		log.Print(err)
	}
}

// The whole of a program for [googlests.CredentialFile.Executable]: what is
// wrong is part of the response, which Google's clients show.
func ExampleWriteExecutableResponse() {
	err := googlests.WriteExecutableResponse(context.Background(), os.Stdout, googlests.Config{
		Provider: os.Getenv("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE"), // the client sets it
		Source:   &ciplatform.GitLab{},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: {"version":1,"success":false,"code":"CONFIG","message":"googlests: Provider: it is required; want //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"}
}
