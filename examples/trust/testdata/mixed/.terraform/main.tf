resource "aws_iam_role" "vendored" { assume_role_policy = "{}" }
