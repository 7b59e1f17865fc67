//go:build linux

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func putByTerraform(t *testing.T, box *sandbox, env []string, url, bucket, key string, pause time.Duration) *runResult {
	t.Helper()
	terraform, ok := optional(t, "terraform")
	if !ok {
		return nil
	}
	mirror := terraformMirror()
	if mirror == "" {
		optional(t, "terraform-provider-aws") // which says that it is missing
		return nil
	}
	config := fmt.Sprintf(`
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "us-east-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  max_retries                 = 1
  endpoints {
    s3  = %[1]q
    sts = %[1]q
  }
}
resource "aws_s3_object" "first" {
  bucket  = %[2]q
  key     = %[3]q
  content = %[4]q
}
`, url, bucket, key, putContent)
	if pause > 0 { // in one run of the provider
		config += fmt.Sprintf(`
resource "terraform_data" "pause" {
  depends_on = [aws_s3_object.first]
  provisioner "local-exec" {
    command = "sleep %[3]g"
  }
}
resource "aws_s3_object" "second" {
  depends_on = [terraform_data.pause]
  bucket     = %[1]q
  key        = "%[2]s-2"
  content    = %[4]q
}
`, bucket, key, pause.Seconds(), putContent)
	}
	box.Write(t, "main.tf", config)
	rc := box.Write(t, "terraformrc", fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror))
	env = append([]string{"TF_CLI_CONFIG_FILE=" + rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}, env...)
	res := box.Run(t, env, terraform, "init", "-no-color", "-input=false")
	require.Zero(t, res.code, res.stderr)
	res = box.Run(t, env, terraform, "apply", "-no-color", "-input=false", "-auto-approve")
	// It breaks its lines at a column, with a border.
	res.stderr = strings.Join(strings.Fields(strings.ReplaceAll(res.stderr, "│", " ")), " ")
	return &res
}

// terraformMirror returns the directory of a provider mirror that holds the aws
// provider; an empty string means that there is none.
func terraformMirror() string {
	for _, dir := range []string{os.Getenv("CIOIDC_INTEROP_TF_MIRROR"), "/opt/tf-plugins", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins"} {
		if dir == "" {
			continue
		}
		if found, _ := filepath.Glob(filepath.Join(dir, "registry.terraform.io", "hashicorp", "aws", "*", "*", "terraform-provider-aws*")); len(found) > 0 {
			return dir
		}
	}
	return ""
}
