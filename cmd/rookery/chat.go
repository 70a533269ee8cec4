package main

import (
	"errors"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/tui"
)

func chatCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "chat",
		Short: "Chat on the terminal",
		Long: `Chat on the terminal: friends on the left, the conversation on the right. Type a
message to the selected friend and press Enter to send it. A line that begins
with / is a command, such as /help or /quit, and is never sent. ? (F1 while
writing) lists the keys and commands.

The language is English or Chinese, set by --lang, else LC_ALL, LC_MESSAGES or
LANG. Colours are those of your terminal; NO_COLOR turns them off.

chat needs a device that no other recv or chat uses; see rookery login.`,
		Example: `  rookery login 10001@chat.example
  rookery chat
  rookery chat --account 10001 --lang zh
  rookery chat --no-bell --theme light`,
		Args: exactArgs(),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	addAccountFlag(cmd)
	lang := flags.String("lang", "", "use `LANGUAGE`: en or zh")
	theme := flags.String("theme", string(tui.Auto),
		"choose colours for a `WHICH` background: light, dark, or auto to ask the terminal")
	noBell := flags.Bool("no-bell", false, "do not ring the bell when a message arrives")
	mouse := flags.Bool("mouse", false, "use the mouse: a click selects, the wheel scrolls; hold Shift to mark text")
	fixed := func(values ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	// These fail only if the flags do not exist.
	_ = cmd.RegisterFlagCompletionFunc("lang", fixed(string(tui.English), string(tui.Chinese)))
	_ = cmd.RegisterFlagCompletionFunc("theme", fixed(string(tui.Auto), string(tui.Light), string(tui.Dark)))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config := tui.Config{Language: tui.Language(*lang), Theme: tui.Theme(*theme), Bell: !*noBell, Mouse: *mouse}
		switch config.Language {
		case tui.English, tui.Chinese:
		case "":
			config.Language = tui.LanguageFromEnv(os.Getenv)
		default:
			return usageErrorf(cmd, "--lang is %q, it must be en or zh", *lang)
		}
		switch config.Theme {
		case tui.Auto, tui.Light, tui.Dark:
		default:
			return usageErrorf(cmd, "--theme is %q, it must be light, dark or auto", *theme)
		}
		return showChat(cmd, config)
	}
	return cmd
}

func showChat(cmd *cobra.Command, config tui.Config) error {
	if !isatty.IsTerminal(os.Stdin.Fd()) || !isatty.IsTerminal(os.Stdout.Fd()) {
		return errors.New("chat needs a terminal; in scripts, use rookery send and rookery recv")
	}
	login, err := claimLogin(cmd)
	if err != nil {
		return err
	}
	messenger, err := login.resume(cmd.Context(), login.liveAddresses())
	if err != nil {
		return err
	}
	defer messenger.Close()
	return tui.Run(cmd.Context(), messenger, os.Stdin, config)
}
