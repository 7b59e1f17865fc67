package exchange

// ConfigError reports a field of an exchange's configuration that cannot work.
// Constructors return it before anything is sent.
type ConfigError struct {
	// Package is the package whose configuration it is, such as "awssts".
	Package string
	// Field is the field's name, such as "RoleARN".
	Field string
	// Problem says what is wrong with it and what it should be.
	Problem string
}

// Error returns the three in one line.
func (e *ConfigError) Error() string { return e.Package + ": " + e.Field + ": " + e.Problem }
