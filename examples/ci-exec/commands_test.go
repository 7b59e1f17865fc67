//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/auth/credentials"
)

// commands are what ci-exec runs in the tests, by name. They return their exit
// status.
var commands = map[string]func() int{
	"exit":    func() int { n, _ := strconv.Atoi(os.Args[1]); return n },
	"environ": func() int { fmt.Println(strings.Join(os.Environ(), "\n")); return 0 },
	"signals": countSignals,
	"use":     use,
	"hang":    hang,
}

// countSignals prints the signals that it gets, and ends with status 3 when
// there have been none for a while after the first.
func countSignals() int {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, passed...)
	fmt.Println("ready", os.Getpid())
	wait := time.After(20 * time.Second)
	for {
		select {
		case s := <-signals:
			fmt.Printf("got %v\n", s)
			wait = time.After(300 * time.Millisecond)
		case <-wait:
			return 3
		}
	}
}

// hang waits for the end of its input, without looking at signals.
func hang() int {
	fmt.Println("ready", os.Getpid())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// use does with the credentials what SDKs do, and then hangs.
func use() int {
	if err := useAWS(); err != nil {
		fmt.Println("FAILED: AWS:", err)
		return 1
	}
	creds, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{"https://www.googleapis.com/auth/cloud-platform"}})
	if err == nil {
		_, err = creds.Token(context.Background())
	}
	if err != nil {
		fmt.Println("FAILED: Google:", err)
		return 1
	}
	return hang()
}

func useAWS() error {
	r, err := http.NewRequest(http.MethodGet, os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var got struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      time.Time
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		return err
	}
	if !strings.HasPrefix(got.AccessKeyID, "ASIA") || got.SecretAccessKey == "" || got.Token == "" || time.Until(got.Expiration) < 50*time.Minute {
		return fmt.Errorf("status %d, not whole credentials for an hour", response.StatusCode)
	}
	return nil
}
