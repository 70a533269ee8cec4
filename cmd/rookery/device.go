package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
)

func deviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "device",
		Short: "List and revoke the devices of an account",
		Long: `List and revoke the devices of an account: the places that it signs in from with
a name (DV) and a token (SID). While a server runs on the data directory these
commands act on it, and take effect at once; else they act on what is stored
there.`,
		Example: `  rookery device list 10001
  rookery device revoke 10001 3
  rookery user set 10001 --devices-only yes`,
	}
	data := dataFlag(c.PersistentFlags())
	return group(c, deviceListCommand(data), deviceRevokeCommand(data))
}

func deviceListCommand(data *string) *cobra.Command {
	c := &cobra.Command{
		Use:   "list UIN",
		Short: "List the devices of an account",
		Long: `List the devices of an account by ID: the name, when it signed in last, and
whether it is signed in.

With --json each line is an object: id, name, since, signedIn.`,
		Example: `  rookery device list 10001
  rookery device list 10001 --json`,
		Args: takes("UIN"),
	}
	asJSON := c.Flags().Bool("json", false, "one JSON object a line")
	c.RunE = func(c *cobra.Command, args []string) error {
		uin, err := parseUIN(c, args[0])
		if err != nil {
			return err
		}
		print := printDevices
		if *asJSON {
			print = printDevicesJSON
		}
		return operate(c.Context(), *data, func(o *control.Operator) error {
			devices, err := o.Devices(c.Context(), uin)
			if err != nil {
				return err
			}
			return print(c.OutOrStdout(), devices)
		})
	}
	return c
}

func printDevices(w io.Writer, devices []rookery.Device) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSIGNED IN\tSINCE\tNAME") // errors show in Flush
	for _, d := range devices {
		signedIn := "no"
		if d.SignedIn {
			signedIn = "yes"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", d.ID, signedIn, d.Since.Local().Format(time.DateTime), oneLine(d.Name))
	}
	return table.Flush()
}

func printDevicesJSON(w io.Writer, devices []rookery.Device) error {
	out := printer{w: w, json: true}
	for _, d := range devices {
		if err := out.object(struct {
			ID       uint64    `json:"id"`
			Name     string    `json:"name"`
			Since    time.Time `json:"since"`
			SignedIn bool      `json:"signedIn"`
		}{d.ID, d.Name, d.Since, d.SignedIn}); err != nil {
			return err
		}
	}
	return nil
}

func deviceRevokeCommand(data *string) *cobra.Command {
	c := &cobra.Command{
		Use:   "revoke UIN ID",
		Short: "End a device's session and forget the device",
		Long: `End a device's session and forget the device: its token is worth nothing from now
on. With the password it can be signed in again, as a new device. What the IDs are
says rookery device list.`,
		Example: `  rookery device revoke 10001 3`,
		Args:    takes("UIN", "ID"),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		uin, err := parseUIN(c, args[0])
		if err != nil {
			return err
		}
		id, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return usageErrorf(c, "%q is no device's ID, which rookery device list shows", args[1])
		}
		return operate(c.Context(), *data, func(o *control.Operator) error {
			if err := o.RevokeDevice(c.Context(), uin, id); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "Revoked device %d of account %d.\n", id, uin)
			return err
		})
	}
	return c
}
