resource "google_iam_workload_identity_pool_provider" "gitlab" {
  workload_identity_pool_id          = "ci"
  workload_identity_pool_provider_id = "gitlab"
  attribute_mapping = {
    "google.subject"       = "'gitlab::' + assertion.project_id + '::' + assertion.job_id"
    "attribute.project_id" = "assertion.project_id"
  }
  attribute_condition = <<-EOT
    assertion.project_id == '67890' &&
    assertion.ref == 'main'
  EOT
  oidc {
    issuer_uri        = "https://gitlab.com"
    allowed_audiences = ["https://deploy.example"]
  }
}
