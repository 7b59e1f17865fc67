package trusthcl_test

import (
	"fmt"

	"github.com/cioidc/cioidc/exchange/trustfile/trusthcl"
)

func ExampleRead() {
	text := `
resource "aws_iam_role" "deploy" {
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Principal = "*", Action = "sts:${var.action}" }]
  })
}
`
	docs, err := trusthcl.Read([]trusthcl.File{{Name: "main.tf", Data: []byte(text)}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range docs {
		fmt.Printf("%s:%s %s\n%s\n", d.File, d.Position, d.Name, d.Text)
		for _, r := range d.Unresolved {
			fmt.Printf("not known: %s at %s\n", r.Name, r.Position)
		}
	}
	// Output:
	// main.tf:2:1 aws_iam_role.deploy
	// {"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:${var.action}"}]}
	// not known: var.action at 4:71
}
