// Package bench measures a Rookery server from outside. It starts the server as its own process, sends prebuilt
// requests over loopback TCP, and reads the cost of the server's process from the kernel. Afterwards it checks
// in the store of the stopped server that every acknowledged message is there once and in order.
//
// Costs are compared with those of the floor, a bare net/http handler that answers 70 bytes. Durable sends are also
// compared with the durable floor, which syncs each request to one file before it answers. Floors and server are
// measured in turns, because ratios vary less between machines and runs than absolute figures do.
// docs/performance.md explains the figures.
package bench
