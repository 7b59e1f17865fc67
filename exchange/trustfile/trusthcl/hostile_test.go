package trusthcl

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A variable that is no text is not the text it is given as.
func TestGivenList(t *testing.T) {
	for kind, known := range map[string]bool{"string": true, "list(string)": false, "any": false} {
		docs, err := Read([]File{{"x.tf", []byte("variable \"a\" {\n type = " + kind + "\n}\nresource \"aws_iam_openid_connect_provider\" \"p\" {\n" +
			" url = \"https://gitlab.com\"\n client_id_list = var.a\n}\n")}}, &Options{Variables: map[string]string{"a": `["x"]`}})
		require.NoError(t, err)
		require.Len(t, docs, 1)
		if known {
			assert.Empty(t, docs[0].Unresolved, kind)
			continue
		}
		require.Len(t, docs[0].Unresolved, 1, kind)
		assert.Equal(t, "var.a", docs[0].Unresolved[0].Name, kind)
	}
}

// Of two members of one name the last counts, as in Terraform.
func TestSameName(t *testing.T) {
	docs, err := Read([]File{{"x.tf", []byte("resource \"aws_iam_role\" \"r\" {\n assume_role_policy = jsonencode({Id = \"a\", Statement = [], Id = \"b\"})\n}\n")}}, nil)
	require.NoError(t, err)
	require.Len(t, docs, 1)
	assert.Equal(t, `{"Statement":[],"Id":"b"}`, string(docs[0].Text))
}
