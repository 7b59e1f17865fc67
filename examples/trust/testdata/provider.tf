resource "google_iam_workload_identity_pool_provider" "gitlab" {
  workload_identity_pool_id          = "ci"
  workload_identity_pool_provider_id = "gitlab"
  attribute_mapping = {
    "google.subject"       = "'gitlab::' + assertion.project_id + '::' + assertion.job_id"
    "attribute.project_id" = "assertion.project_id"
  }
  attribute_condition = <<-EOT
    assertion.project_id == '67890' && assertion.namespace_id == '12345' &&
    assertion.ref == 'main' && assertion.ref_type == 'branch' && assertion.ref_protected == 'true' &&
    assertion.runner_environment == 'gitlab-hosted' &&
    assertion.ci_config_ref_uri == 'gitlab.com/acme/payments//.gitlab-ci.yml@refs/heads/main' &&
    (has(assertion.job_project_id) ? assertion.job_project_id == assertion.project_id : assertion.pipeline_source in ['push', 'web'])
  EOT
  oidc {
    issuer_uri        = "https://gitlab.com"
    allowed_audiences = ["https://deploy.example"]
  }
}
