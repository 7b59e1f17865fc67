//go:build linux || darwin

package main

import (
	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
)

// startFake makes this a job of CircleCI whose clouds run in this process, and
// leads the command's clients to them.
func (a *access) startFake(o *options) (ciplatform.Platform, error) {
	job, err := fakejob.Start()
	if err != nil {
		return nil, err
	}
	a.fake = job.Stop
	o.awsRole, o.awsRegion, o.awsEndpoint = job.RoleARN, fakejob.AWSRegion, job.AWSURL
	o.googleProvider, o.googleSTS, o.googleIAM = job.GoogleProvider, job.GoogleURL, job.GoogleURL
	a.env.set("AWS_ENDPOINT_URL_STS="+job.AWSURL, "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE="+job.GoogleURL+"/storage/v1/")
	return job.Platform, nil
}
