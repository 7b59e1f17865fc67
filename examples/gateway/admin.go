package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"

	"github.com/cioidc/cioidc/oidc"
)

// adminHandler has the endpoints for whoever runs the gateway.
func (g *gateway) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", g.ready)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		g.metrics.write(w, g.verifier.Health(), g.remembered())
	})
	if g.opts.debugHeap {
		mux.HandleFunc("GET /debug/heap", heap)
	}
	return mux
}

// ready answers 200 as long as the tokens of one issuer can be judged: of two
// issuers, one that is away must not keep the other's jobs out.
func (g *gateway) ready(w http.ResponseWriter, _ *http.Request) {
	health := g.verifier.Health()
	status := http.StatusServiceUnavailable
	for _, h := range health {
		if h.Ready() {
			status = http.StatusOK
		}
	}
	if g.draining.Load() {
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	if g.draining.Load() {
		fmt.Fprintln(w, "shutting down")
	}
	for _, h := range health {
		fmt.Fprintf(w, "keys of %s: %s\n", h.Issuer, state(h))
	}
}

func state(h oidc.IssuerHealth) string {
	if h.LastError == nil {
		return string(h.State)
	}
	return fmt.Sprintf("%s, %d fetches failed: %v", h.State, h.Failures, h.LastError)
}

// heap collects garbage and tells what is left. It is for tests, since anyone who
// could ask for it could keep the process busy.
func heap(w http.ResponseWriter, _ *http.Request) {
	runtime.GC()
	runtime.GC() // What finalizers and pools held on to is free only now.
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]uint64{"heap_inuse": m.HeapInuse, "heap_alloc": m.HeapAlloc, "goroutines": uint64(runtime.NumGoroutine())})
}
