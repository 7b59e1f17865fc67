variable "organization" {
  default = "4ada2c32-1cf8-4d6b-8b3b-1f3e1d4b7a01"
}

locals {
  project = "cb279ff5-5a32-4a3b-9c3e-3a1d7e9b5a02"
  issuer  = "oidc.circleci.com/org/${var.organization}"
}

resource "aws_iam_openid_connect_provider" "circleci" {
  url            = "https://${local.issuer}"
  client_id_list = ["https://deploy.example"]
}

data "aws_iam_policy_document" "deploy" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.circleci.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["https://deploy.example"]
    }
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = ["org/${var.organization}/project/${local.project}/user/*/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main"]
    }
  }
}

resource "aws_iam_role" "deploy" {
  assume_role_policy = data.aws_iam_policy_document.deploy.json
}

resource "aws_iam_role" "review" {
  assume_role_policy = var.given_by_the_module
}
