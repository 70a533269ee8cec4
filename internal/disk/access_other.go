//go:build !unix

package disk

import "os"

func access(path string) error {
	_, err := os.Stat(path)
	return err
}
