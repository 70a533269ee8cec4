//go:build !unix

package disk

import "os"

func checkAccess(path string) error {
	_, err := os.Stat(path)
	return err
}
