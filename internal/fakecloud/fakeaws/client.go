package fakeaws

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Client returns a client that reaches s by the names of AWS's own endpoints,
// sts.<region>.amazonaws.com, and nothing else: there is no network under it.
func (s *Server) Client() *http.Client { return &http.Client{Transport: direct{s}} }

// direct calls the server as if over a connection.
type direct struct{ server *Server }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	host := r.URL.Hostname()
	if r.URL.Scheme != "https" || !strings.HasPrefix(host, "sts.") || !strings.HasSuffix(host, ".amazonaws.com") {
		return nil, fmt.Errorf("fakeaws: there is only STS here, at https://sts.<region>.amazonaws.com, not %s://%s", r.URL.Scheme, r.URL.Host)
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	w := &recorder{header: http.Header{}}
	if err := w.serve(d.server, in); err != nil {
		return nil, err
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.sent,
		Body:          io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()),
		Request:       r,
	}, nil
}

type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

// serve runs the handler; one that breaks the connection, by
// [http.ErrAbortHandler], is the error that a client then gets.
func (w *recorder) serve(h http.Handler, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			err = io.ErrUnexpectedEOF
		} else if p != nil {
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
