package protocol

import (
	"math"
	"strconv"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// status reads ST, 0 if it is not given.
func (c *request) status() (rookery.Status, error) {
	text, given := c.value("ST")
	if !given {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || !rookery.Status(n).Valid() {
		return 0, parameter("ST", "allowed are 10, 20, 30, 40, 50, 60 and 70")
	}
	return rookery.Status(n), nil
}

// page reads TN and UN: a part of a list, with usual many elements if TN does
// not say.
func (c *request) page(usual int) (service.PageQuery, error) {
	limit, err := c.count("TN")
	if err != nil {
		return service.PageQuery{}, err
	}
	if limit == 0 {
		limit = uint64(usual)
	}
	page, err := c.pageFrom(int(min(limit, maxPage)))
	return page, err
}

// pageFrom reads UN as a position in a list.
func (c *request) pageFrom(limit int) (service.PageQuery, error) {
	after, err := c.count("UN")
	if err != nil {
		return service.PageQuery{}, err
	}
	return service.PageQuery{After: rookery.UIN(min(after, math.MaxUint32)), Limit: limit}, nil
}

// count reads a decimal number that is not negative: 0 if it is not given or
// empty, the largest there is if it is larger.
func (c *request) count(key string) (uint64, error) {
	text, _ := c.value(key)
	if text == "" {
		return 0, nil
	}
	for _, digit := range []byte(text) {
		if digit < '0' || digit > '9' {
			return 0, parameter(key, "no number")
		}
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		n = math.MaxUint64 // digits only: it is out of range
	}
	return n, nil
}

// optionalNumber reads a number that a search may leave empty.
func (c *request) optionalNumber(key string) (*int, error) {
	if text, _ := c.value(key); text == "" {
		return nil, nil
	}
	n, err := c.count(key)
	if err != nil {
		return nil, err
	}
	number := int(min(n, math.MaxInt32))
	return &number, nil
}

// needTarget checks that UN names somebody. Whether it is an account is looked
// at after all parameters: see target.
func (c *request) needTarget() error {
	if text, _ := c.value("UN"); text == "" {
		return parameter("UN", "missing")
	}
	return nil
}

// target reads UN as an account number.
func (c *request) target() (rookery.UIN, error) {
	text, _ := c.value("UN")
	uin, ok := rookery.ParseUIN(text)
	if !ok {
		return 0, errNoTarget
	}
	return uin, nil
}

var errNoTarget = rookery.Errorf(rookery.CodeNoAccount, "UN: no account number, which is 10000 to 4294967295")
