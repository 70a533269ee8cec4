package experiment

// Command returns a command by its name.
func (f *File) Command(name string) (*Command, bool) {
	for _, c := range f.Commands {
		if c.Name == name {
			return c, true
		}
	}
	return nil, false
}

// StepOf returns the step that does what a verb says, by the first command that
// has it.
func (f *File) StepOf(verb Verb, role, to string) (Step, bool) {
	steps := f.StepsOf(verb, role, to)
	if len(steps) == 0 {
		return Step{}, false
	}
	return steps[0], true
}

// StepsOf returns the steps that do what a verb says, one for each command that
// has it.
func (f *File) StepsOf(verb Verb, role, to string) []Step {
	var all []Step
	for _, c := range f.Commands {
		for i, p := range c.Does {
			if p.Verb != verb {
				continue
			}
			s := Step{Role: role, Command: c.Name, To: to}
			if i > 0 {
				s.Verb = verb
			}
			all = append(all, s)
			break
		}
	}
	return all
}

// VerbOf is what a step does, "" if the file does not know.
func (f *File) VerbOf(s Step) Verb {
	if s.Verb != "" || s.Wait > 0 {
		return s.Verb
	}
	if c, ok := f.Command(s.Command); ok && len(c.Does) > 0 {
		return c.Does[0].Verb
	}
	return ""
}
