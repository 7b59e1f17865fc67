resource "aws_iam_role" "elsewhere" {
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role" "shared_values" {
  assume_role_policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = data.aws_iam_openid_connect_provider.given.arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          format("%s:%s", local.issuer, "aud") = var.aud
        }
        (local.org.id) = { (var.unknown) = join(":", concat(["a"], tolist(["b"]))) }
      }
    }]
  })
}

data "aws_iam_openid_connect_provider" "given" {
  arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
}

resource "aws_iam_role" "trimmed" {
  assume_role_policy = trimspace(data.aws_iam_policy_document.trust.json)
}

resource "aws_iam_role" "joined" {
  assume_role_policy = "${data.aws_iam_policy_document.trust.json}${local.empty}"
}

locals {
  empty = ""
}
