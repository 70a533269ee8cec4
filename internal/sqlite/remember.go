package sqlite

import (
	"context"

	"github.com/rookery-im/rookery"
)

func (s *Store) Remember(ctx context.Context, m rookery.Mark, outcome rookery.Outcome) (receipt rookery.Receipt, err error) {
	err = s.write(ctx, op{apply: func(b *batch) error {
		var ok bool
		if receipt, ok = b.repeated(m); ok {
			return nil
		}
		if err := b.roomFor(m); err != nil {
			return err
		}
		b.remember(m, outcome)
		receipt = rookery.Receipt{Outcome: outcome}
		return nil
	}})
	return receipt, err
}
