// Package compare finds the differences of two servers: every experiment of a
// study is made on both, what differs is made small, replayed, named by its cause,
// and told once.
package compare
