package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// fix puts right, in the trust policies of a file, what can only be meant one way.
// It prints the file as it would be or, with --write, writes it; what it did, and
// what is left for a person, goes to errs.
func fix(_ context.Context, o *options, out, errs io.Writer) (int, error) {
	token, err := readToken(o.tokenFile)
	if err != nil {
		return exitUsage, err
	}
	path := o.paths[0]
	data, err := readFile(path, trustfile.MaxBytes)
	if err != nil {
		return exitUsage, err
	}
	if strings.EqualFold(filepath.Ext(path), ".tf") {
		return exitUsage, errors.New("fix writes JSON only: lint says what to write in a file of Terraform")
	}
	docs, err := trustfile.Read(filepath.ToSlash(path), data)
	if err != nil {
		return exitUsage, err
	}
	fixed, left, roles := data, 0, 0
	// From the end, so that the places of those before stay what they are.
	for i := len(docs) - 1; i >= 0; i-- {
		d := &docs[i]
		if d.Kind != trustfile.AWSRole {
			continue
		}
		roles++
		done, n, err := fixRole(d, awsProviders(docs), token, errs)
		if err != nil {
			return exitUsage, err
		}
		left += n
		if bytes.Equal(done, d.Text) {
			continue
		}
		if fixed, err = splice(fixed, d, done); err != nil {
			return exitUsage, err
		}
		if err := reread(fixed, docs, i, done); err != nil {
			return exitUsage, err
		}
	}
	if roles == 0 {
		return exitUsage, errors.New("no trust policy of a role in this file")
	}
	switch {
	case !o.write:
		_, err = out.Write(fixed)
	case !bytes.Equal(fixed, data):
		err = replaceFile(path, fixed)
	}
	if err != nil {
		return exitUsage, err
	}
	if left > 0 {
		return exitDanger, nil
	}
	return exitClean, nil
}

// maxFixes is more than any document needs: each fix takes a finding away.
const maxFixes = 100

// fixRole returns the text of a trust policy after all certain fixes, and how many
// dangers are left in it.
func fixRole(d *trustfile.Document, providers []awstrust.Provider, token claims.Model, errs io.Writer) ([]byte, int, error) {
	text := d.Text
	if len(d.Unresolved) > 0 {
		fmt.Fprintf(errs, "left: %s: not all of it is in the file\n", printable(d.File))
		return text, 0, nil
	}
	for range maxFixes {
		policy, err := awstrust.Parse(text)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", d.File, err)
		}
		o := &awstrust.LintOptions{Providers: providersOf(policy, providers), Token: tokenFor(policy, token)}
		found, err := awstrust.Lint(policy, o)
		if err != nil {
			return nil, 0, err
		}
		next, f := fixOne(text, policy, found, o)
		if next == nil {
			return text, remaining(d, found, errs), nil
		}
		fmt.Fprintf(errs, "fixed: %s: %s: %s\n", printable(d.File), f.ID, printable(f.Problem))
		text = next
	}
	return nil, 0, fmt.Errorf("%s: fixes that do not end", d.File)
}

// fixOne makes the first fix that is certain, where the text has it: all else
// stays as it is laid out. It returns nil if there is none.
func fixOne(text []byte, policy *awstrust.Document, found []awstrust.Finding, o *awstrust.LintOptions) ([]byte, *awstrust.Finding) {
	for i := range found {
		fixed, err := awstrust.Fix(policy, found[i], o)
		if err != nil || !fixed.Certain {
			continue // for a person
		}
		if edits, err := fixed.Edits(text); err == nil {
			return awstrust.ApplyEdits(text, edits), &found[i]
		}
	}
	return nil, nil
}

// remaining says what is left of one document, and counts the dangers.
func remaining(d *trustfile.Document, found []awstrust.Finding, errs io.Writer) (left int) {
	for _, l := range found {
		if f := (finding{Kind: string(l.Kind)}); !f.danger(false) {
			continue
		}
		left++
		fmt.Fprintf(errs, "left: %s: %s: %s; to do: %s\n", printable(d.File), l.ID, printable(l.Problem), printable(l.Fix))
	}
	return left
}

// splice puts the new text of a document where the old one stands in the file.
func splice(file []byte, d *trustfile.Document, text []byte) ([]byte, error) {
	if len(d.Places) != 1 || !d.Places[0].Verbatim {
		return nil, fmt.Errorf("%s:%s: fix writes documents that are JSON in the file, and this one is made of something else", d.File, d.Position)
	}
	at := d.Places[0].File
	start := 0
	for range at.Line - 1 {
		start += bytes.IndexByte(file[start:], '\n') + 1
	}
	line, _, _ := bytes.Cut(file[start:], []byte("\n"))
	before := []rune(string(line))
	if at.Column-1 > len(before) {
		return nil, fmt.Errorf("%s:%s: the document is not where it was", d.File, d.Position)
	}
	start += len(string(before[:at.Column-1]))
	if !bytes.HasPrefix(file[start:], d.Text) {
		return nil, fmt.Errorf("%s:%s: the document is not where it was", d.File, d.Position)
	}
	return slices.Concat(file[:start], text, file[start+len(d.Text):]), nil
}

// reread makes sure that a file says what was meant after a document was put in:
// the notation around it may take the new text otherwise.
func reread(file []byte, docs []trustfile.Document, i int, want []byte) error {
	again, err := trustfile.Read(docs[i].File, file)
	if err != nil || len(again) != len(docs) || !bytes.Equal(again[i].Text, want) {
		return fmt.Errorf("%s:%s: the file would not say the same with the fix in it", docs[i].File, docs[i].Position)
	}
	return nil
}

// replaceFile writes a file so that it is never there in part.
func replaceFile(path string, data []byte) error {
	path, err := filepath.EvalSymlinks(path) // the file, not the link to it
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".trust-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone by then if all went well
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
