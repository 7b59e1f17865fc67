package trustfile

import (
	"fmt"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// Kind says what a document is.
type Kind string

// The kinds, and whose JSON the text is.
const (
	// AWSRole is a role's trust policy, for awstrust.Parse.
	AWSRole Kind = "aws-role"
	// AWSProvider is an OpenID Connect provider of an AWS account: an object with
	// Url and ClientIDList, as aws iam get-open-id-connect-provider prints it.
	AWSProvider Kind = "aws-provider"
	// GoogleProvider is a provider of a workload identity pool as the IAM API has
	// it, for googletrust.ParseProvider.
	GoogleProvider Kind = "google-provider"
	// GoogleBindings are role bindings as an IAM policy, for
	// googletrust.ParseBindings.
	GoogleBindings Kind = "google-bindings"
)

// Position is a place in a text. The zero Position is no place.
type Position struct {
	Line   int // from 1
	Column int // from 1, in characters
}

// String returns line and column as "3:14", or "-" for the zero Position.
func (p Position) String() string {
	if p == (Position{}) {
		return "-"
	}
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}

// Place says that a document's text has at Text what the file has at File.
type Place struct {
	Text, File Position
	// Verbatim says that what follows in the text is written so in the file, up
	// to the next Place. If it is not set, all of that is taken to stand at File.
	Verbatim bool
}

// Reference is something that a file refers to and does not hold, or a remark
// about how a document was made.
type Reference struct {
	// Name is what is written there, such as "var.audience"; of a remark, the
	// whole sentence.
	Name     string
	Position Position // in the file
}

// Document is a document about trust that was found in a file.
type Document struct {
	Kind Kind
	// Name says which resource it is, such as "aws_iam_role.deploy". Empty means
	// that the file is the document.
	Name string
	// File is the name of the file as it was given.
	File string
	// Position is that of the resource in the file.
	Position Position
	// Text is the document as JSON. Empty means that the file does not say it, and
	// Unresolved says why.
	Text []byte
	// Unresolved are references of which the values are not known from the file.
	// In Text, ${NAME} stands for each. With any, whatever is found out about the
	// document is indeterminate: a value that is not known may be any.
	Unresolved []Reference
	// Assumptions are sentences that have to be true for Text to be the document:
	// that a variable has its default, or that 000000000000 stands for the account.
	Assumptions []string
	// Remarks are what Terraform does with the document on its way to the cloud
	// and that Text no longer shows.
	Remarks []Reference
	// Places are where the parts of Text stand in the file, in the order of Text.
	Places []Place
}

// At returns where a place of Text stands in the file. It returns the document's
// own Position for what has no place there.
func (d *Document) At(inText Position) Position {
	if inText == (Position{}) {
		return d.Position
	}
	marks := make([]tree.Mark, len(d.Places))
	for i, p := range d.Places {
		marks[i] = tree.Mark{Text: tree.Pos(p.Text), File: tree.Pos(p.File), Verbatim: p.Verbatim}
	}
	at := Position(tree.Locate(marks, tree.Pos(inText)))
	if at == (Position{}) {
		return d.Position
	}
	return at
}

// Error reports a file that cannot be read.
type Error struct {
	File string
	// Line and Column are from 1; the column counts characters.
	Line, Column int
	// Problem says what is wrong and what to do.
	Problem string
}

// Error returns file, place and problem, in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("trustfile: %s:%d:%d: %s", e.File, e.Line, e.Column, e.Problem)
}
