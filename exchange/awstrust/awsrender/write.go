package awsrender

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/hcltext"
	"github.com/cioidc/cioidc/internal/trustgap"
)

// statement is the JSON form, in the order in which people write it.
type statement struct {
	Sid       string            `json:"Sid"`
	Effect    string            `json:"Effect"`
	Principal map[string]string `json:"Principal"`
	Action    string            `json:"Action"`
	Condition conditions        `json:"Condition"`
}

// conditions are operators, each with its keys.
type conditions map[string]map[string]any

func (c conditions) add(operator, key string, values ...string) {
	if c[operator] == nil {
		c[operator] = map[string]any{}
	}
	if len(values) == 1 {
		c[operator][key] = values[0]
		return
	}
	c[operator][key] = values
}

// write returns the document.
func (d *draft) write() (string, error) {
	for _, compared := range []map[string][]string{d.equals, d.notEquals} {
		for _, claim := range slices.Sorted(maps.Keys(compared)) {
			for _, v := range compared[claim] {
				if strings.Contains(v, "${") {
					return "", trustgap.Wrong(claim, "%q has ${ in it, which AWS reads as a variable: take it off the policy", v)
				}
			}
		}
	}
	arn := cloudnames.ProviderARN(d.target.Partition, d.target.AccountID, d.issuer)
	d.merge()
	var statements []statement
	for i, s := range d.subjects {
		c := conditions{}
		key := func(claim string) string { return cloudnames.ConditionKey(d.issuer, claim) }
		for _, claim := range slices.Sorted(maps.Keys(d.equals)) {
			c.add("StringEquals", key(claim), d.equals[claim]...)
		}
		for _, claim := range slices.Sorted(maps.Keys(d.notEquals)) {
			c.add("StringNotEquals", key(claim), d.notEquals[claim]...)
		}
		for claim, value := range d.null {
			c.add("Null", key(claim), value)
		}
		for _, claim := range d.some {
			c.add("StringLike", key(claim), "?*")
		}
		switch {
		case s.exact != nil:
			c.add("StringEquals", key("sub"), s.exact...)
		default:
			c.add("StringLike", key("sub"), s.like)
			if s.less != "" {
				c.add("StringNotLike", key("sub"), s.less)
			}
		}
		sid := identifier(d.rule.Name)
		if len(d.subjects) > 1 {
			sid += strconv.Itoa(i + 1)
		}
		statements = append(statements, statement{
			Sid: sid, Effect: "Allow", Principal: map[string]string{"Federated": arn}, Action: "sts:AssumeRoleWithWebIdentity", Condition: c,
		})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements}); err != nil {
		return "", trustgap.Wrong("rule", "%v", err)
	}
	return b.String(), nil
}

// merge makes one statement of those that compare whole values.
func (d *draft) merge() {
	var whole []string
	kept := d.subjects[:0]
	for _, s := range d.subjects {
		if s.exact != nil {
			whole = append(whole, s.exact...)
		} else {
			kept = append(kept, s)
		}
	}
	if whole != nil {
		kept = append([]subject{{exact: whole}}, kept...)
	}
	d.subjects = kept
}

// identifier makes a Sid, which has letters and digits only.
func identifier(name string) string {
	var b strings.Builder
	up := true
	for _, r := range name {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
		case up:
			b.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "Rule"
	}
	return b.String()
}

// Terraform returns the provider and the role that has this trust policy, as
// resources of Terraform's aws provider with these names.
func (r *Rendered) Terraform(provider, role string) string {
	var ids []string
	for _, id := range r.ClientIDs {
		ids = append(ids, hcltext.Quote(id))
	}
	var b strings.Builder
	b.WriteString("resource \"aws_iam_openid_connect_provider\" " + hcltext.Quote(provider) + " {\n")
	b.WriteString("  url            = " + hcltext.Quote(r.ProviderURL) + "\n")
	b.WriteString("  client_id_list = [" + strings.Join(ids, ", ") + "]\n}\n\n")
	for _, g := range r.Gaps {
		b.WriteString("# gap: " + strings.ReplaceAll(g.String(), "\n", " ") + "\n")
	}
	b.WriteString("resource \"aws_iam_role\" " + hcltext.Quote(role) + " {\n")
	b.WriteString("  name               = " + hcltext.Quote(role) + "\n")
	b.WriteString("  assume_role_policy = <<-JSON\n")
	for _, line := range strings.Split(strings.TrimSuffix(hcltext.Plain(r.JSON), "\n"), "\n") {
		b.WriteString("    " + line + "\n")
	}
	b.WriteString("  JSON\n}\n")
	return b.String()
}
