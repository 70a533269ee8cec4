// Package bench measures a Rookery server from outside: it starts the server
// as a process of its own, drives it over loopback TCP with prebuilt requests,
// reads from the kernel what the server's process cost, and afterwards counts
// in the stopped server's store whether every acknowledged message is there,
// once and in order.
//
// All costs are stated beside those of a floor, a bare net/http handler that
// answers 70 bytes, measured in turns with the server in the same run: machines
// are noisy, ratios less so. docs/performance.md tells how to read the figures.
package bench
