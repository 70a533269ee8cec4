// Package compare finds the differences between two servers. It makes every experiment of a study
// on both. A difference in the answers is a sighting; its experiment is reduced to a minimal
// witness, replayed, and attributed to a cause. [Run] returns the study of the first server with
// the differences, and the sightings that did not show again.
package compare
