package main

import (
	"net/url"
	"slices"
	"strings"
)

// The parts of SARIF 2.1.0 that are used here
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		ColumnKind  string            `json:"columnKind"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifResult struct {
		RuleID     string           `json:"ruleId"`
		RuleIndex  int              `json:"ruleIndex"`
		Level      string           `json:"level"`
		Message    sarifMessage     `json:"message"`
		Locations  []sarifLocation  `json:"locations"`
		Properties *sarifProperties `json:"properties,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
		Logical  []sarifName   `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	sarifName struct {
		Name string `json:"fullyQualifiedName"`
	}
	sarifProperties struct {
		Witness *proof `json:"witness"`
	}
)

// toSARIF returns the report as code hosts read it.
func toSARIF(r *report) *sarifLog {
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: "cioidc trust", InformationURI: "https://github.com/cioidc/cioidc", Rules: []sarifRule{},
		}},
		ColumnKind:  "unicodeCodePoints",
		Invocations: []sarifInvocation{{ExecutionSuccessful: len(r.Errors) == 0}},
		Results:     []sarifResult{},
	}
	for _, e := range r.Errors {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{Level: "error", Message: sarifMessage{e}})
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		index := slices.IndexFunc(run.Tool.Driver.Rules, func(rule sarifRule) bool { return rule.ID == f.Rule })
		if index < 0 {
			index = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: f.Rule})
		}
		run.Results = append(run.Results, result(f, index))
	}
	return &sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

func result(f *finding, rule int) sarifResult {
	out := sarifResult{
		RuleID: f.Rule, RuleIndex: rule, Level: level(f), Message: sarifMessage{message(f)},
		Locations: []sarifLocation{{Physical: sarifPhysical{
			// A path is a relative reference: what is no letter of one is escaped.
			Artifact: sarifArtifact{(&url.URL{Path: f.File}).String()},
			Region:   sarifRegion{StartLine: max(1, f.Line), StartColumn: max(1, f.Column)},
		}}},
	}
	if f.Document != "" {
		out.Locations[0].Logical = []sarifName{{f.Document}}
	}
	if f.Witness != nil {
		out.Properties = &sarifProperties{f.Witness}
	}
	return out
}

// level is the worst that a code host should make of it.
func level(f *finding) string {
	switch {
	case f.Kind == note || f.Kind == indeterminate:
		return "note"
	case f.danger(false) && (f.Severity == "critical" || f.Severity == "high"):
		return "error"
	}
	return "warning"
}

func message(f *finding) string {
	parts := []string{f.Problem}
	for _, s := range []string{f.Story, f.Fix} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if f.Witness != nil {
		parts = append(parts, "It lets this token in, "+f.Witness.Variant+": "+f.Witness.Story)
	}
	return strings.Join(parts, "\n")
}
