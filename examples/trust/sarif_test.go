package main

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unsigned returns claims as a token that nobody has signed.
func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + part(payload) + "." + part(make([]byte, 256))
}

// required are the members that the schema of SARIF 2.1.0 demands of each object
// that is written here, by the place of the object. Of message, one of text and id
// is demanded, and of artifactLocation, nothing.
var required = map[string][]string{
	"":                       {"version", "runs"},
	"runs":                   {"tool"},
	"runs.tool":              {"driver"},
	"runs.tool.driver":       {"name"},
	"runs.tool.driver.rules": {"id"},
	"runs.invocations":       {"executionSuccessful"},
	"runs.invocations.toolExecutionNotifications":         {"message"},
	"runs.invocations.toolExecutionNotifications.message": {"text"},
	"runs.results":                                             {"message"},
	"runs.results.message":                                     {"text"},
	"runs.results.locations":                                   {},
	"runs.results.locations.logicalLocations":                  {},
	"runs.results.locations.physicalLocation":                  {"artifactLocation"}, // or an address
	"runs.results.locations.physicalLocation.artifactLocation": {"uri"},
	"runs.results.locations.physicalLocation.region":           {"startLine"},
}

// validate holds a value and all below it against required.
func validate(t *testing.T, place string, v any, seen map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			validate(t, place, e, seen)
		}
	case map[string]any:
		if place == "runs.results.properties" {
			return // a bag of whatever the tool likes
		}
		names, ok := required[place]
		assert.True(t, ok, "%q is not an object that the schema has", place)
		seen[place] = true
		for _, name := range names {
			assert.Contains(t, v, name, place)
		}
		for name, value := range v {
			if place != "" {
				name = place + "." + name
			}
			validate(t, name, value, seen)
		}
	}
}

func TestSARIF(t *testing.T) {
	status, out, errs := trust(t, "lint", "--sarif", "--token-file", "testdata/circleci.json", "testdata/mixed", "testdata/none")
	assert.Equal(t, exitUsage, status, "a file that is not there")
	assert.Empty(t, errs)
	var tree any
	require.NoError(t, json.Unmarshal([]byte(out), &tree))
	seen := map[string]bool{}
	validate(t, "", tree, seen)
	assert.Len(t, seen, len(required), "every object was there to be looked at")

	var log sarifLog
	require.NoError(t, json.Unmarshal([]byte(out), &log))
	assert.Equal(t, "2.1.0", log.Version)
	require.Len(t, log.Runs, 1)
	run := log.Runs[0]
	assert.False(t, run.Invocations[0].ExecutionSuccessful)
	assert.Contains(t, run.Invocations[0].Notifications[0].Message.Text, "testdata/none")
	require.Len(t, run.Results, 3)
	levels := map[string]string{}
	for _, r := range run.Results {
		levels[r.RuleID] = r.Level
		assert.True(t, slices.Contains([]string{"none", "note", "warning", "error"}, r.Level))
		require.Less(t, r.RuleIndex, len(run.Tool.Driver.Rules))
		assert.Equal(t, r.RuleID, run.Tool.Driver.Rules[r.RuleIndex].ID)
		require.Len(t, r.Locations, 1)
		at := r.Locations[0].Physical
		assert.Positive(t, at.Region.StartLine)
		assert.Positive(t, at.Region.StartColumn)
		_, err := url.Parse(at.Artifact.URI)
		assert.NoError(t, err)
	}
	assert.Equal(t, map[string]string{"CC004": "error", "AWS002": "error", "UNRESOLVED": "note"}, levels)
	first := run.Results[0]
	assert.Equal(t, "testdata/mixed/deploy.tf", first.Locations[0].Physical.Artifact.URI)
	assert.Equal(t, sarifRegion{StartLine: 30, StartColumn: 19}, first.Locations[0].Physical.Region)
	assert.Contains(t, first.Message.Text, "put the mask")
	require.NotNil(t, first.Properties)
	assert.NotEmpty(t, first.Properties.Witness.Claims)
}

func TestSARIFAddress(t *testing.T) {
	got := result(&finding{File: "a b/ü%.tf"}, 0)
	assert.Equal(t, "a%20b/%C3%BC%25.tf", got.Locations[0].Physical.Artifact.URI)
	assert.Equal(t, sarifRegion{1, 1}, got.Locations[0].Physical.Region, "regions begin at 1")
}
