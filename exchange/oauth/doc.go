// Package oauth exchanges CI identity tokens at any token endpoint, by RFC 8693
// (token exchange) or RFC 7523 (JWT bearer and client assertion).
package oauth
