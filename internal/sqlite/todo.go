package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/rookery-im/rookery"
)

var errTodo = rookery.Temporary(errors.New("not built yet"))

func (s *Store) Requests(context.Context, rookery.UIN, rookery.UIN, int) ([]rookery.FriendRequest, error) {
	return nil, errTodo
}
func (s *Store) Blocked(context.Context, rookery.UIN) ([]rookery.UIN, error)  { return nil, nil }
func (s *Store) Blockers(context.Context, rookery.UIN) ([]rookery.UIN, error) { return nil, nil }
func (s *Store) DeliverEach(ctx context.Context, deliveries []rookery.Delivery, now time.Time) []rookery.Delivered {
	all := make([]rookery.Delivered, len(deliveries))
	for i, d := range deliveries {
		all[i].Receipt, all[i].Err = s.Deliver(ctx, d.Letters, now, d.Mark)
	}
	return all
}
func (s *Store) History(context.Context, rookery.UIN, rookery.HistoryQuery) ([]rookery.Entry, bool, error) {
	return nil, false, errTodo
}
func (s *Store) ReadMark(context.Context, rookery.UIN, rookery.UIN) (uint64, error) {
	return 0, errTodo
}
func (s *Store) SetReadMark(context.Context, rookery.UIN, rookery.ReadMark, rookery.Mark) (rookery.Receipt, error) {
	return rookery.Receipt{}, errTodo
}
func (s *Store) Devices(context.Context, rookery.UIN) ([]rookery.Device, error) { return nil, nil }
func (s *Store) ForgetDevice(context.Context, rookery.UIN, uint64, rookery.Mark) (rookery.Receipt, error) {
	return rookery.Receipt{}, errTodo
}
