locals {
  issuer = "gitlab.com"
  org = { id = "4ada" }
}
variable "aud" {
  default = "https://deploy.example"
}
resource "aws_iam_openid_connect_provider" "gitlab" {
  url            = "https://${local.issuer}"
  client_id_list = [var.aud]
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.gitlab.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.gitlab.url, "https://", "")}:sub"
      values   = ["project_path:acme/app:ref_type:branch:ref:main"]
    }
    condition {
      test     = "StringEquals"
      variable = "gitlab.com:sub"
      values   = ["project_path:acme/other:ref_type:branch:ref:main"]
    }
  }
}
resource "aws_iam_role" "a" {
  assume_role_policy = data.aws_iam_policy_document.trust.json
}
resource "aws_iam_role" "b" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:oidc-provider/gitlab.com" }
      Condition = { StringLike = { "${local.issuer}:sub" = "project_path:${var.group}/*" } }
    }]
  })
}
resource "aws_iam_role" "c" {
  assume_role_policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Principal": {"Federated": "${aws_iam_openid_connect_provider.gitlab.arn}"}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"gitlab.com:aud": "a"}}}]
    }
  EOT
}
resource "aws_iam_role" "d" {
  assume_role_policy = file("x.json")
}
resource "google_iam_workload_identity_pool_provider" "p" {
  attribute_mapping = { "google.subject" = "assertion.sub" }
  attribute_condition = "assertion.project_id == '1'"
  oidc { 
    issuer_uri = "https://gitlab.com" 
    allowed_audiences = ["x"]
  }
}
resource "google_service_account_iam_member" "m" {
  service_account_id = google_service_account.x.name
  role = "roles/iam.workloadIdentityUser"
  member = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.p.name}/attribute.project_id/1"
}

resource "google_iam_workload_identity_pool" "known" {
  workload_identity_pool_id = "ci"
}
resource "google_service_account_iam_binding" "known" {
  role    = "roles/iam.workloadIdentityUser"
  members = [
    "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.known.name}/attribute.project_id/1",
    "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${google_iam_workload_identity_pool.known.workload_identity_pool_id}/subject/x",
  ]
}

resource "google_iam_workload_identity_pool_provider" "named" {
  project                            = "123"
  workload_identity_pool_id          = google_iam_workload_identity_pool.known.workload_identity_pool_id
  workload_identity_pool_provider_id = "gitlab"
  oidc {
    issuer_uri = "https://gitlab.com"
  }
}
