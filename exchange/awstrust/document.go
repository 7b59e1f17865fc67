package awstrust

import "github.com/cioidc/cioidc/internal/trustmodel"

// Document is a role's trust policy: who may assume the role, and when. It is
// made by [Parse], and nothing in this package changes one: [Fix] returns another.
type Document struct {
	// Version is "2012-10-17" or "2008-10-17". Empty means that the document has
	// none, which AWS reads as the second: there, ${...} is plain text.
	Version string
	// ID is the document's Id. Empty means none. It has no effect.
	ID string
	// Statements are the statements in the order they were written; never empty.
	Statements []Statement
	// Repeated are the members that came more than once in one object. AWS keeps
	// the last of them and drops the others without a word.
	Repeated []Repeated
	// Characters is the length without the white space outside of strings. AWS
	// allows a role 2,048 until somebody asks for more, and never over 4,096.
	Characters int
}

// Position is where something stands in a document. The zero Position is that
// of what is not written there.
type Position = trustmodel.Position

// Repeated is a member that came again in the same object.
type Repeated struct {
	// Name is the member's name as it came first.
	Name string
	// First is where it came first, Again where it came once more.
	First, Again Position
	// CaseOnly says that the two differ by case. Such are two condition keys
	// that AWS takes for one.
	CaseOnly bool
}

// Effect is what a statement does when it applies.
type Effect string

// The two effects. A Deny that applies wins over every Allow.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Statement is a statement of a trust policy. It applies to a request if its
// principal, its action and all of its conditions do.
type Statement struct {
	// Sid is the statement's name. Empty means none.
	Sid string
	// Effect is [Allow] or [Deny].
	Effect Effect
	// Principals say whom the statement is about. Either they or NotPrincipals
	// are set, never both.
	Principals    []Principal
	NotPrincipals []Principal
	// Actions may hold the wildcards * and ?. Either they or NotActions are set,
	// never both.
	Actions    []Value
	NotActions []Value
	// Conditions are all keys of all operators, in the order they were written.
	Conditions []Condition
	// Position is that of the statement's opening brace.
	Position Position
}

// Principal is one principal of a statement.
type Principal struct {
	// Kind is "Federated", "AWS", "Service" or "CanonicalUser"; empty for the
	// principal "*", which has no kind.
	Kind string
	// Name is an ARN, a domain or "*".
	Name string
	// Position is that of the name.
	Position Position
}

// Value is a text of a document and where it stands. A number or a boolean is
// kept as it was written: AWS makes no difference between true and "true".
type Value struct {
	Text     string
	Position Position
}

// Condition is one key of one operator, with the values to compare it with.
type Condition struct {
	Operator Operator
	// Key is the condition key as it was written. AWS does not look at its case.
	Key string
	// Values are what the key is compared with; one has to match, or for a
	// negated operator none may.
	Values []Value
	// Position is that of the key.
	Position Position
	// Superseded says that the same member came again further down, so that AWS
	// drops this one.
	Superseded bool
}
