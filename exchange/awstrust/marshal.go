package awstrust

import (
	"bytes"
	"encoding/json"
)

// MarshalJSON returns the document as AWS keeps it: without what is superseded,
// and with lists where more than one value was written.
func (d *Document) MarshalJSON() ([]byte, error) {
	var w jsonWriter
	w.open('{')
	if d.Version != "" {
		w.member("Version", d.Version)
	}
	if d.ID != "" {
		w.member("Id", d.ID)
	}
	w.name("Statement")
	w.open('[')
	for i := range d.Statements {
		w.comma()
		d.Statements[i].write(&w)
	}
	w.close(']')
	w.close('}')
	return w.out.Bytes(), w.err
}

func (st *Statement) write(w *jsonWriter) {
	w.open('{')
	if st.Sid != "" {
		w.member("Sid", st.Sid)
	}
	w.member("Effect", string(st.Effect))
	if len(st.NotPrincipals) > 0 {
		writePrincipals(w, "NotPrincipal", st.NotPrincipals)
	} else {
		writePrincipals(w, "Principal", st.Principals)
	}
	if len(st.NotActions) > 0 {
		w.values("NotAction", st.NotActions)
	} else {
		w.values("Action", st.Actions)
	}
	writeConditions(w, st.Conditions)
	w.close('}')
}

func writePrincipals(w *jsonWriter, name string, list []Principal) {
	if len(list) > 0 && list[0].Kind == "" {
		w.member(name, list[0].Name)
		return
	}
	w.name(name)
	w.open('{')
	for i := 0; i < len(list); {
		var values []Value
		kind := list[i].Kind
		for ; i < len(list) && list[i].Kind == kind; i++ {
			values = append(values, Value{Text: list[i].Name})
		}
		w.values(kind, values)
	}
	w.close('}')
}

func writeConditions(w *jsonWriter, all []Condition) {
	var open Operator
	for _, c := range all {
		if c.Superseded {
			continue
		}
		if c.Operator != open {
			if open == (Operator{}) {
				w.name("Condition")
				w.open('{')
			} else {
				w.close('}')
			}
			open = c.Operator
			w.name(open.String())
			w.open('{')
		}
		w.values(c.Key, c.Values)
	}
	if open != (Operator{}) {
		w.close('}')
		w.close('}')
	}
}

// jsonWriter writes JSON in the order of its calls.
type jsonWriter struct {
	out bytes.Buffer
	err error
	// more says that the object or array that is open has something in it.
	more bool
}

func (w *jsonWriter) open(c byte) {
	w.out.WriteByte(c)
	w.more = false
}

func (w *jsonWriter) close(c byte) {
	w.out.WriteByte(c)
	w.more = true
}

func (w *jsonWriter) comma() {
	if w.more {
		w.out.WriteByte(',')
	}
	w.more = true
}

func (w *jsonWriter) name(s string) {
	w.comma()
	w.text(s)
	w.out.WriteByte(':')
}

func (w *jsonWriter) text(s string) {
	e := json.NewEncoder(&w.out)
	e.SetEscapeHTML(false) // "<" in a policy is no HTML
	if err := e.Encode(s); err != nil && w.err == nil {
		w.err = err
	}
	w.out.Truncate(w.out.Len() - 1) // the newline
}

func (w *jsonWriter) member(name, value string) {
	w.name(name)
	w.text(value)
}

func (w *jsonWriter) values(name string, list []Value) {
	w.name(name)
	if len(list) == 1 {
		w.text(list[0].Text)
		return
	}
	w.open('[')
	for _, v := range list {
		w.comma()
		w.text(v.Text)
	}
	w.close(']')
}
