package fakeissuer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// responseWriter hands a handler's answer to the client as it is written, so
// that a handler may dawdle, stop half way or break the connection.
type responseWriter struct {
	header http.Header // the handler's
	head   bool        // the request was HEAD: there is no body
	pr     *io.PipeReader
	pw     *io.PipeWriter
	once   sync.Once
	ready  chan struct{} // closed when status, sent and length, or err, are set

	status  int
	sent    http.Header // as it was when the status was written
	length  int64       // of the body, as declared; -1 if it was not
	err     error
	written int64
}

func newResponseWriter(head bool) *responseWriter {
	w := &responseWriter{header: http.Header{}, head: head, ready: make(chan struct{}), length: -1}
	w.pr, w.pw = io.Pipe()
	return w
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	if status < 200 {
		return // informational: the client has no use for it
	}
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			w.length = n
		}
		close(w.ready)
	})
}

func (w *responseWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.head || len(b) == 0 {
		return len(b), nil
	}
	if w.length >= 0 && w.written+int64(len(b)) > w.length {
		return 0, http.ErrContentLength
	}
	n, err := w.pw.Write(b)
	w.written += int64(n)
	return n, err
}

// Flush implements [http.Flusher]: what is written is sent at once anyway.
func (w *responseWriter) Flush() { w.WriteHeader(http.StatusOK) }

// abort ends the answer with an error, wherever it has got to.
func (w *responseWriter) abort(err error) {
	w.once.Do(func() {
		w.err = err
		close(w.ready)
	})
	w.pw.CloseWithError(err)
}

// serve runs the handler. As under net/http's server, a handler that panics
// breaks the connection and not the program.
func (w *responseWriter) serve(h http.Handler, r *http.Request, cancel func()) {
	defer cancel()
	returned := false
	defer func() {
		switch p := recover(); {
		case p != nil && p != http.ErrAbortHandler:
			w.abort(fmt.Errorf("the fake issuer's handler panicked: %v", p))
		case !returned: // http.ErrAbortHandler, or runtime.Goexit
			w.abort(io.ErrUnexpectedEOF)
		}
	}()
	h.ServeHTTP(w, r)
	returned = true
	w.WriteHeader(http.StatusOK)
	if !w.head && w.written < w.length {
		w.abort(io.ErrUnexpectedEOF)
		return
	}
	w.pw.Close()
}

func (w *responseWriter) response(ctx context.Context, cancel func(), req *http.Request) *http.Response {
	// An error is not overwritten: after the last byte this changes nothing.
	context.AfterFunc(ctx, func() { w.pw.CloseWithError(context.Cause(ctx)) })
	return &http.Response{
		Status:        strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.sent,
		ContentLength: w.length,
		Body:          &body{PipeReader: w.pr, cancel: cancel},
		Request:       req,
	}
}

// body ends the handler's request when the client has had enough.
type body struct {
	*io.PipeReader
	cancel func()
}

func (b *body) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
