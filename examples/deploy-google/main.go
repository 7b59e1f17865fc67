// Deploy-google writes an object to Cloud Storage as a CI job:
//
//	deploy-google --provider //iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab --bucket acme-releases
//	deploy-google --fake   # no account and no CI platform needed
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange/googlests"
)

func main() {
	provider := flag.String("provider", "", "the full `name` of the pool provider")
	bucket := flag.String("bucket", fakejob.Bucket, "the `bucket` to write to")
	fake := flag.Bool("fake", false, "be a job of CircleCI, with a Google Cloud in this process")
	flag.Parse()
	object, err := deploy(context.Background(), googlests.Config{Provider: *provider}, *bucket, *fake)
	if err != nil {
		fmt.Fprintf(os.Stderr, "deploy-google: %+v\n", err) // with every cause
		os.Exit(1)
	}
	fmt.Printf("wrote gs://%s/%s, %d bytes\n", object.Bucket, object.Name, object.Size)
}

// deploy writes what is to be the current release.
func deploy(ctx context.Context, cfg googlests.Config, bucket string, fake bool) (object *storage.Object, err error) {
	var opts []option.ClientOption
	if fake {
		job, err := fakejob.Start()
		if err != nil {
			return nil, err
		}
		defer job.Stop()
		cfg.Provider, cfg.Source, cfg.Endpoint = job.GoogleProvider, job.Platform, job.GoogleURL+"/v1/token"
		opts = append(opts, option.WithEndpoint(job.GoogleURL+"/storage/v1/"))
	} else if cfg.Source, err = ciplatform.Detect(); err != nil {
		return nil, err
	}
	creds, err := googlests.Credentials(cfg) // for any client of Google's; they renew themselves
	if err != nil {
		return nil, err
	}
	client, err := storage.NewService(ctx, append(opts, option.WithAuthCredentials(creds))...)
	if err != nil {
		return nil, err
	}
	return client.Objects.Insert(bucket, &storage.Object{Name: "current.txt"}).Media(strings.NewReader("release 43")).Context(ctx).Do()
}
