package experiment

// Command returns the command with the given name.
func (f *File) Command(name string) (*Command, bool) {
	for _, command := range f.Commands {
		if command.Name == name {
			return command, true
		}
	}
	return nil, false
}

// StepOf returns a step with the first command that has the verb.
func (f *File) StepOf(verb Verb, role, target string) (Step, bool) {
	steps := f.StepsOf(verb, role, target)
	if len(steps) == 0 {
		return Step{}, false
	}
	return steps[0], true
}

// StepsOf returns one step for each command that has the verb.
func (f *File) StepsOf(verb Verb, role, target string) []Step {
	var all []Step
	for _, command := range f.Commands {
		for i, purpose := range command.Purposes {
			if purpose.Verb != verb {
				continue
			}
			step := Step{Role: role, Command: command.Name, TargetRole: target}
			if i > 0 {
				step.Verb = verb
			}
			all = append(all, step)
			break
		}
	}
	return all
}

// VerbOf returns the verb of a step, or "" if the file does not declare one.
func (f *File) VerbOf(step Step) Verb {
	if step.Verb != "" || step.Wait > 0 {
		return step.Verb
	}
	if command, ok := f.Command(step.Command); ok && len(command.Purposes) > 0 {
		return command.Purposes[0].Verb
	}
	return ""
}
