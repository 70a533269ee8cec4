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
	cmd := &cobra.Command{
		Use:   "device",
		Short: "List and revoke the devices of an account",
		Long: `List and revoke the devices of an account: programs that signed in with a device
name (DV) and got a token (SID). If a server uses the data directory, these
commands act on it and take effect at once. Otherwise they change the stored
data.`,
		Example: `  rookery device list 10001
  rookery device revoke 10001 3
  rookery user set 10001 --devices-only yes`,
	}
	data := addDataFlag(cmd.PersistentFlags())
	return commandGroup(cmd, deviceListCommand(data), deviceRevokeCommand(data))
}

func deviceListCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list UIN",
		Short: "List the devices of an account",
		Long: `List the devices of an account by ID, with name, time of the last sign-in, and
whether they are signed in.

With --json each line is an object: id, name, since, signedIn.`,
		Example: `  rookery device list 10001
  rookery device list 10001 --json`,
		Args: exactArgs("UIN"),
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON, one object per line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		uin, err := parseUIN(cmd, args[0])
		if err != nil {
			return err
		}
		print := printDevices
		if *asJSON {
			print = printDevicesJSON
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			devices, err := operator.ListDevices(cmd.Context(), uin)
			if err != nil {
				return err
			}
			return print(cmd.OutOrStdout(), devices)
		})
	}
	return cmd
}

func printDevices(out io.Writer, devices []rookery.Device) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSIGNED IN\tSINCE\tNAME") // errors show in Flush
	for _, device := range devices {
		signedIn := "no"
		if device.SignedIn {
			signedIn = "yes"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", device.ID, signedIn, device.SignedInAt.Local().Format(time.DateTime),
			oneLine(device.Name))
	}
	return table.Flush()
}

func printDevicesJSON(w io.Writer, devices []rookery.Device) error {
	out := printer{out: w, asJSON: true}
	for _, device := range devices {
		if err := out.printJSON(struct {
			ID       uint64    `json:"id"`
			Name     string    `json:"name"`
			Since    time.Time `json:"since"`
			SignedIn bool      `json:"signedIn"`
		}{device.ID, device.Name, device.SignedInAt, device.SignedIn}); err != nil {
			return err
		}
	}
	return nil
}

func deviceRevokeCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke UIN ID",
		Short: "End a device's session and delete the device",
		Long: `End a device's session and delete the device. Its token becomes invalid. With the
password the device can sign in again, as a new one. rookery device list shows
the IDs.`,
		Example: `  rookery device revoke 10001 3`,
		Args:    exactArgs("UIN", "ID"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		uin, err := parseUIN(cmd, args[0])
		if err != nil {
			return err
		}
		id, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return usageErrorf(cmd, "%q is not a device ID; rookery device list shows them", args[1])
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			if err := operator.RevokeDevice(cmd.Context(), uin, id); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Revoked device %d of account %d.\n", id, uin)
			return err
		})
	}
	return cmd
}
