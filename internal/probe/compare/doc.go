// Package compare finds the differences between two servers, A and B. It makes every experiment of
// a study on both. An experiment whose answers differ is a sighting. [Run] reduces each sighting to
// a minimal witness, the shortest experiment that still shows the difference, replays the witness,
// and attributes the difference to a cause: an aspect of the protocol and a name within it. It
// returns the study of server A with the causes as differences, and with the sightings that did not
// show again.
package compare
